//! What desktops share, as the state file writes it once: facts and networks.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::inventory::{Facts, Place, SecurityGroup, Text, Volume, VolumeRole};

pub(super) type OptionalText<'a> = Option<Cow<'a, str>>;

/// What describes desktops; texts in the order of [`texts`].
#[derive(Serialize, Deserialize)]
pub(super) struct FactsRecord<'a> {
    #[serde(borrow)]
    texts: Vec<OptionalText<'a>>,
    #[serde(borrow)]
    tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    vcpus: Option<u64>,
    memory_bytes: Option<u64>,
    /// Whether it is the system's, its device, its bytes.
    #[serde(borrow)]
    volumes: Vec<(bool, OptionalText<'a>, u64)>,
}

/// A network that cards are in: VPC and subnet with their names, then the security groups.
#[derive(Serialize, Deserialize)]
pub(super) struct PlaceRecord<'a> {
    #[serde(borrow)]
    texts: [OptionalText<'a>; 4],
    #[serde(borrow)]
    security_groups: Vec<(OptionalText<'a>, OptionalText<'a>)>,
}

pub(super) fn facts_record(facts: &Facts) -> FactsRecord<'_> {
    let tags = facts.tags.iter();
    let volumes = facts.volumes.iter();
    FactsRecord {
        texts: texts(facts).map(borrowed).collect(),
        tags: tags
            .map(|(key, value)| (Cow::Borrowed(&**key), Cow::Borrowed(&**value)))
            .collect(),
        vcpus: facts.vcpus,
        memory_bytes: facts.memory_bytes,
        volumes: volumes
            .map(|volume| {
                (
                    volume.role == VolumeRole::System,
                    borrowed(&volume.device),
                    volume.size_bytes,
                )
            })
            .collect(),
    }
}

pub(super) fn facts_of(record: FactsRecord<'_>) -> Option<Arc<Facts>> {
    let mut facts = Facts::default();
    let mut texts = record.texts.into_iter();
    for text in texts_mut(&mut facts) {
        *text = texts.next()?.map(Into::into);
    }
    let tags = record.tags.into_iter();
    facts.tags = tags.map(|(key, value)| (key.into(), value.into())).collect();
    facts.vcpus = record.vcpus;
    facts.memory_bytes = record.memory_bytes;
    let volumes = record.volumes.into_iter();
    let volumes = volumes.map(|(is_system, device, size_bytes)| Volume {
        role: if is_system {
            VolumeRole::System
        } else {
            VolumeRole::Data
        },
        device: device.map(Into::into),
        size_bytes,
    });
    facts.volumes = volumes.collect();
    Some(Arc::new(facts))
}

pub(super) fn place_record(place: &Place) -> PlaceRecord<'_> {
    let groups = place.security_groups.iter();
    PlaceRecord {
        texts: [
            borrowed(&place.vpc_id),
            borrowed(&place.vpc_name),
            borrowed(&place.subnet_id),
            borrowed(&place.subnet_name),
        ],
        security_groups: groups
            .map(|group| (borrowed(&group.id), borrowed(&group.name)))
            .collect(),
    }
}

pub(super) fn place_of(record: PlaceRecord<'_>) -> Arc<Place> {
    let [vpc_id, vpc_name, subnet_id, subnet_name] = record.texts.map(|text| text.map(Into::into));
    let groups = record.security_groups.into_iter();
    let groups = groups.map(|(id, name)| SecurityGroup {
        id: id.map(Into::into),
        name: name.map(Into::into),
    });
    Arc::new(Place {
        vpc_id,
        vpc_name,
        subnet_id,
        subnet_name,
        security_groups: groups.collect(),
    })
}

pub(super) fn borrowed(text: &Text) -> OptionalText<'_> {
    text.as_deref().map(Cow::Borrowed)
}

fn texts(facts: &Facts) -> impl Iterator<Item = &Text> {
    [
        &facts.desktop_type,
        &facts.os_type,
        &facts.os_version,
        &facts.image_id,
        &facts.image_name,
        &facts.product_id,
        &facts.flavor_id,
        &facts.availability_zone,
        &facts.site_type,
        &facts.site_name,
        &facts.enterprise_project_id,
        &facts.subnet_id,
    ]
    .into_iter()
}

/// In the order of [`texts`]; a test keeps both alike.
pub(super) fn texts_mut(facts: &mut Facts) -> impl Iterator<Item = &mut Text> {
    [
        &mut facts.desktop_type,
        &mut facts.os_type,
        &mut facts.os_version,
        &mut facts.image_id,
        &mut facts.image_name,
        &mut facts.product_id,
        &mut facts.flavor_id,
        &mut facts.availability_zone,
        &mut facts.site_type,
        &mut facts.site_name,
        &mut facts.enterprise_project_id,
        &mut facts.subnet_id,
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_orders_of_texts_are_one() {
        let mut facts = Facts::default();
        for (number, text) in texts_mut(&mut facts).enumerate() {
            *text = Some(number.to_string().into());
        }
        let listed: Vec<Text> = texts(&facts).cloned().collect();
        let other: Vec<Text> = texts_mut(&mut facts).map(|text| text.clone()).collect();
        assert_eq!(listed, other);
    }
}
