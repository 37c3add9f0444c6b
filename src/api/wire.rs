//! The answers as the reference pages write them, field for field, as far as the exporter shows them. Names of users are
//! not in `DesktopDetailInfo`: they are read, from `DesktopUsers`, only where the operator wants them shown. Meaning
//! begins in `decode`.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lenient::{Array, Digits, Field, Given, Object};

/// Borrowed from the answer where it can be.
type Text<'a> = Field<Cow<'a, str>>;

/// `DesktopDetailInfo` of `desktops-detail.txt`, table 5.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopDetailInfo<'a> {
    pub(super) desktop_id: Text<'a>,
    pub(super) computer_name: Text<'a>,
    pub(super) desktop_type: Text<'a>,
    pub(super) metadata: Field<Object<Metadata<'a>>>,
    pub(super) flavor: Field<Object<FlavorInfo<'a>>>,
    pub(super) status: Text<'a>,
    pub(super) login_status: Text<'a>,
    pub(super) product_id: Text<'a>,
    pub(super) availability_zone: Text<'a>,
    pub(super) site_type: Text<'a>,
    pub(super) site_name: Text<'a>,
    pub(super) product: Field<Object<ProductInfo<'a>>>,
    pub(super) os_version: Text<'a>,
    pub(super) attach_state: Text<'a>,
    pub(super) in_maintenance_mode: Field<bool>,
    pub(super) task_status: Text<'a>,
    pub(super) created: Text<'a>,
    pub(super) ip_addresses: Field<Array<Text<'a>>>,
    pub(super) enterprise_project_id: Text<'a>,
    pub(super) subnet_id: Text<'a>,
    pub(super) is_freeze: Field<bool>,
    pub(super) tags: Field<Array<Field<Object<Tag<'a>>>>>,
    pub(super) root_volume: Field<Object<VolumeDetail<'a>>>,
    pub(super) data_volumes: Field<Array<Field<Object<VolumeDetail<'a>>>>>,
    pub(super) attach_user_infos: Field<Array<IgnoredAny>>,
    pub(super) user_list: Field<Array<IgnoredAny>>,
    pub(super) user_name: Field<Given>,
}

/// `Tag`, table 13.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Tag<'a> {
    pub(super) key: Text<'a>,
    pub(super) value: Text<'a>,
}

/// `VolumeDetail`, table 11; `size` is in GB.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct VolumeDetail<'a> {
    pub(super) device: Text<'a>,
    pub(super) size: Field<Digits>,
}

/// The list's answer read for the names of users alone.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopsUsers<'a> {
    pub(super) desktops: Vec<DesktopUsers<'a>>,
}

/// The fields of `DesktopDetailInfo` that name users.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopUsers<'a> {
    pub(super) attach_user_infos: Field<Array<Field<Object<AttachInstancesUserInfo<'a>>>>>,
    pub(super) user_list: Field<Array<Text<'a>>>,
    pub(super) user_name: Text<'a>,
}

/// `AttachInstancesUserInfo`, table 10.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct AttachInstancesUserInfo<'a> {
    pub(super) user_name: Text<'a>,
}

/// `metadata`: a map whose documented keys hold dots.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Metadata<'a> {
    pub(super) image_name: Text<'a>,
    #[serde(rename = "metering.image_id")]
    pub(super) image_id: Text<'a>,
    pub(super) os_type: Text<'a>,
}

/// `FlavorInfo`, table 7.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct FlavorInfo<'a> {
    pub(super) id: Text<'a>,
}

/// `ProductInfo`, table 12; `memory` is in MB.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ProductInfo<'a> {
    pub(super) flavor_id: Text<'a>,
    pub(super) cpu: Field<Digits>,
    pub(super) memory: Field<Digits>,
}

/// The answer of the list call. A missing `desktops` is an error: an empty fleet says `[]`.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopsDetail<'a> {
    pub(super) desktops: Vec<DesktopDetailInfo<'a>>,
    #[serde(default)]
    pub(super) total_count: Field<u64>,
}

/// The answer of `desktops-networks.txt`, table 3.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopNetworks<'a> {
    pub(super) networks: Vec<DesktopNetworkResult<'a>>,
}

/// `DesktopNetworkResult`, table 4.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct DesktopNetworkResult<'a> {
    pub(super) computer_id: Text<'a>,
    pub(super) network_infos: Field<Array<Field<Object<NetworkInfo<'a>>>>>,
}

/// `NetworkInfo`, table 5.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct NetworkInfo<'a> {
    pub(super) vpc_info: Field<Object<Named<'a>>>,
    pub(super) subnet_info: Field<Object<Named<'a>>>,
    pub(super) port_info: Field<Object<Port<'a>>>,
    pub(super) public_ip_info: Field<Object<PublicIp<'a>>>,
    pub(super) security_groups: Field<Array<Field<Object<Named<'a>>>>>,
}

/// `Vpc`, `DesktopSubnet` and `SecurityGroupInfo`, tables 6, 7 and 10.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Named<'a> {
    pub(super) id: Text<'a>,
    pub(super) name: Text<'a>,
}

/// `Port`, table 8.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Port<'a> {
    pub(super) ip_address: Text<'a>,
}

/// `PublicIp`, table 9.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct PublicIp<'a> {
    pub(super) public_ip_address: Text<'a>,
}

/// The part of a token answer that is used (`api/facts.md`, section 5.1); the token itself is a header.
#[derive(Debug, Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) token: TokenBody,
}

/// `token` of a token answer.
#[derive(Debug, Deserialize)]
pub(super) struct TokenBody {
    pub(super) expires_at: Option<Moment>,
    pub(super) issued_at: Option<Moment>,
    pub(super) project: Option<TokenProject>,
}

/// `token.project`.
#[derive(Debug, Deserialize)]
pub(super) struct TokenProject {
    pub(super) id: String,
}

/// The answer of `GET /v3/projects` (`api/facts.md`, section 5.3).
#[derive(Debug, Deserialize)]
pub(super) struct Projects {
    pub(super) projects: Vec<Project>,
}

/// One project of an account.
#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
}

/// The answer of the metadata service (`api/facts.md`, section 5.5).
#[derive(Deserialize)]
pub(super) struct SecurityKey {
    pub(super) credential: SecurityKeyParts,
}

/// `credential` of the metadata service's answer.
#[derive(Deserialize)]
pub(super) struct SecurityKeyParts {
    pub(super) access: String,
    pub(super) secret: String,
    pub(super) securitytoken: Option<String>,
    pub(super) expires_at: Option<Moment>,
}

/// A moment as IAM writes it: RFC 3339 with six decimals and Z.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Moment(pub(super) Timestamp);

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}
