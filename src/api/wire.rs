//! The answers as the reference pages write them, field for field, as far as the exporter shows them. Names of users are
//! not in `DesktopDetailInfo`: they are read, from `DesktopUsers`, only where the operator wants them shown. Meaning
//! begins in `decode`.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lenient::{Array, Digits, Field, Given, Object};

type Text = Field<Box<str>>;

/// `DesktopDetailInfo` of `desktops-detail.txt`, table 5.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DesktopDetailInfo {
    pub(super) desktop_id: Text,
    pub(super) computer_name: Text,
    pub(super) desktop_type: Text,
    pub(super) metadata: Field<Object<Metadata>>,
    pub(super) flavor: Field<Object<FlavorInfo>>,
    pub(super) status: Text,
    pub(super) login_status: Text,
    pub(super) product_id: Text,
    pub(super) availability_zone: Text,
    pub(super) site_type: Text,
    pub(super) site_name: Text,
    pub(super) product: Field<Object<ProductInfo>>,
    pub(super) os_version: Text,
    pub(super) attach_state: Text,
    pub(super) in_maintenance_mode: Field<bool>,
    pub(super) task_status: Text,
    pub(super) created: Text,
    pub(super) ip_addresses: Field<Array<Text>>,
    pub(super) enterprise_project_id: Text,
    pub(super) subnet_id: Text,
    pub(super) is_freeze: Field<bool>,
    pub(super) tags: Field<Array<Field<Object<Tag>>>>,
    pub(super) root_volume: Field<Object<VolumeDetail>>,
    pub(super) data_volumes: Field<Array<Field<Object<VolumeDetail>>>>,
    pub(super) attach_user_infos: Field<Array<IgnoredAny>>,
    pub(super) user_list: Field<Array<IgnoredAny>>,
    pub(super) user_name: Field<Given>,
}

/// `Tag`, table 13.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tag {
    pub(super) key: Text,
    pub(super) value: Text,
}

/// `VolumeDetail`, table 11; `size` is in GB.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeDetail {
    pub(super) device: Text,
    pub(super) size: Field<Digits>,
}

/// The list's answer read for the names of users alone.
#[derive(Debug, Deserialize)]
pub(super) struct DesktopsUsers {
    pub(super) desktops: Vec<DesktopUsers>,
}

/// The fields of `DesktopDetailInfo` that name users.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DesktopUsers {
    pub(super) attach_user_infos: Field<Array<Field<Object<AttachInstancesUserInfo>>>>,
    pub(super) user_list: Field<Array<Text>>,
    pub(super) user_name: Text,
}

/// `AttachInstancesUserInfo`, table 10.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AttachInstancesUserInfo {
    pub(super) user_name: Text,
}

/// `metadata`: a map whose documented keys hold dots.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) image_name: Text,
    #[serde(rename = "metering.image_id")]
    pub(super) image_id: Text,
    pub(super) os_type: Text,
}

/// `FlavorInfo`, table 7.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FlavorInfo {
    pub(super) id: Text,
}

/// `ProductInfo`, table 12; `memory` is in MB.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProductInfo {
    pub(super) flavor_id: Text,
    pub(super) cpu: Field<Digits>,
    pub(super) memory: Field<Digits>,
}

/// The answer of the list call. A missing `desktops` is an error: an empty fleet says `[]`.
#[derive(Debug, Deserialize)]
pub(super) struct DesktopsDetail {
    pub(super) desktops: Vec<DesktopDetailInfo>,
    #[serde(default)]
    pub(super) total_count: Field<u64>,
}

/// The answer of `desktops-networks.txt`, table 3.
#[derive(Debug, Deserialize)]
pub(super) struct DesktopNetworks {
    pub(super) networks: Vec<DesktopNetworkResult>,
}

/// `DesktopNetworkResult`, table 4.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DesktopNetworkResult {
    pub(super) computer_id: Text,
    pub(super) network_infos: Field<Array<Field<Object<NetworkInfo>>>>,
}

/// `NetworkInfo`, table 5.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NetworkInfo {
    pub(super) vpc_info: Field<Object<Named>>,
    pub(super) subnet_info: Field<Object<Named>>,
    pub(super) port_info: Field<Object<Port>>,
    pub(super) public_ip_info: Field<Object<PublicIp>>,
    pub(super) security_groups: Field<Array<Field<Object<Named>>>>,
}

/// `Vpc`, `DesktopSubnet` and `SecurityGroupInfo`, tables 6, 7 and 10.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) id: Text,
    pub(super) name: Text,
}

/// `Port`, table 8.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Port {
    pub(super) ip_address: Text,
}

/// `PublicIp`, table 9.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PublicIp {
    pub(super) public_ip_address: Text,
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
