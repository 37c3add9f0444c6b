//! What many records of an answer say alike becomes one value: facts of desktops, networks of cards. Until then it is
//! looked at where it stands in the answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::inventory::{Facts, Place, SecurityGroup, Text, Volume, VolumeRole};

type TextView<'a> = Option<Cow<'a, str>>;

/// A disk: what it is for, its device, its bytes.
pub(super) type VolumeView<'a> = (VolumeRole, TextView<'a>, u64);

/// [`Facts`] as they stand in an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FactsView<'a> {
    pub(super) desktop_type: TextView<'a>,
    pub(super) os_type: TextView<'a>,
    pub(super) os_version: TextView<'a>,
    pub(super) image_id: TextView<'a>,
    pub(super) image_name: TextView<'a>,
    pub(super) product_id: TextView<'a>,
    pub(super) flavor_id: TextView<'a>,
    pub(super) availability_zone: TextView<'a>,
    pub(super) site_type: TextView<'a>,
    pub(super) site_name: TextView<'a>,
    pub(super) enterprise_project_id: TextView<'a>,
    pub(super) subnet_id: TextView<'a>,
    pub(super) tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(super) vcpus: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) volumes: Vec<VolumeView<'a>>,
}

/// What tells most facts apart; the rest is left to the comparison.
impl Hash for FactsView<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.image_id, &self.product_id, &self.subnet_id, &self.tags).hash(state);
    }
}

/// The facts of an answer, once each.
#[derive(Debug, Default)]
pub(super) struct FactsPool<'a>(HashMap<FactsView<'a>, Arc<Facts>>);

impl<'a> FactsPool<'a> {
    pub(super) fn get(&mut self, view: FactsView<'a>) -> Arc<Facts> {
        if let Some(facts) = self.0.get(&view) {
            return Arc::clone(facts);
        }
        let tags = view.tags.iter();
        let volumes = view.volumes.iter();
        let facts = Arc::new(Facts {
            desktop_type: owned(&view.desktop_type),
            os_type: owned(&view.os_type),
            os_version: owned(&view.os_version),
            image_id: owned(&view.image_id),
            image_name: owned(&view.image_name),
            product_id: owned(&view.product_id),
            flavor_id: owned(&view.flavor_id),
            availability_zone: owned(&view.availability_zone),
            site_type: owned(&view.site_type),
            site_name: owned(&view.site_name),
            enterprise_project_id: owned(&view.enterprise_project_id),
            subnet_id: owned(&view.subnet_id),
            tags: tags.map(|(key, value)| ((**key).into(), (**value).into())).collect(),
            vcpus: view.vcpus,
            memory_bytes: view.memory_bytes,
            volumes: volumes
                .map(|(role, device, size_bytes)| Volume {
                    role: *role,
                    device: owned(device),
                    size_bytes: *size_bytes,
                })
                .collect(),
        });
        self.0.insert(view, Arc::clone(&facts));
        facts
    }
}

/// [`Place`] as it stands in an answer; security groups by id and name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PlaceView<'a> {
    pub(super) vpc_id: TextView<'a>,
    pub(super) vpc_name: TextView<'a>,
    pub(super) subnet_id: TextView<'a>,
    pub(super) subnet_name: TextView<'a>,
    pub(super) security_groups: Vec<(TextView<'a>, TextView<'a>)>,
}

/// The networks of an answer, once each.
#[derive(Debug, Default)]
pub(super) struct PlacePool<'a>(HashMap<PlaceView<'a>, Arc<Place>>);

impl<'a> PlacePool<'a> {
    pub(super) fn get(&mut self, view: PlaceView<'a>) -> Arc<Place> {
        if let Some(place) = self.0.get(&view) {
            return Arc::clone(place);
        }
        let groups = view.security_groups.iter();
        let place = Arc::new(Place {
            vpc_id: owned(&view.vpc_id),
            vpc_name: owned(&view.vpc_name),
            subnet_id: owned(&view.subnet_id),
            subnet_name: owned(&view.subnet_name),
            security_groups: groups
                .map(|(id, name)| SecurityGroup {
                    id: owned(id),
                    name: owned(name),
                })
                .collect(),
        });
        self.0.insert(view, Arc::clone(&place));
        place
    }
}

fn owned(text: &TextView<'_>) -> Text {
    text.as_deref().map(Into::into)
}
