//! One record of an answer becomes one value of the core. It knows the fields by name and no answer as a whole.

use std::borrow::Cow;

use super::field_reader::FieldReader;
use super::lenient::{Array, Digits, Field, Given, Object};
use super::pools::{FactsPool, FactsView, PlacePool, PlaceView, VolumeView};
use super::wire::{DesktopDetailInfo, DesktopNetworkResult, Metadata, Named, NetworkInfo, ProductInfo, VolumeDetail};
use crate::inventory::{Desktop, DesktopId, Port, VolumeRole};

/// The API's MB and GB are powers of two, as its flavours show.
const MEGABYTE: u64 = 1 << 20;
const GIGABYTE: u64 = 1 << 30;

/// The status of a desktop that is gone; no list of the vendor has it (`api/facts.md`, section 1.4).
const DELETED: &str = "DELETED";

/// Reads a desktop; `None` when it has no id. Of its tags, those wanted are kept.
pub(super) fn desktop<'a>(
    mut wire: DesktopDetailInfo<'a>,
    tags: &[Box<str>],
    pool: &mut FactsPool<'a>,
    reader: &mut FieldReader,
) -> Option<Desktop> {
    let id = reader
        .read(std::mem::take(&mut wire.desktop_id), "desktop_id")
        .and_then(DesktopId::try_new)?;
    let facts = facts(&mut wire, tags, reader);
    let task_status = match wire.task_status {
        Field::Present(word) if word.is_empty() => Field::Absent,
        field => field,
    };
    let is_deleted = matches!(&wire.status, Field::Present(word) if word.eq_ignore_ascii_case(DELETED));
    Some(Desktop {
        id,
        computer_name: reader.text(wire.computer_name, "computer_name"),
        status: reader.state(wire.status, "status"),
        login_status: reader.state(wire.login_status, "login_status"),
        attach_state: reader.state(wire.attach_state, "attach_state"),
        task_status: reader.state(task_status, "task_status"),
        in_maintenance_mode: reader.read(wire.in_maintenance_mode, "in_maintenance_mode"),
        is_frozen: reader.read(wire.is_freeze, "is_freeze"),
        created: reader.moment(wire.created, "created"),
        is_deleted,
        address_mark: reader.mark(wire.ip_addresses, "ip_addresses"),
        assigned_users: assigned_users(wire.attach_user_infos, wire.user_list, wire.user_name, reader),
        users: Box::default(),
        facts: pool.get(facts),
    })
}

/// To how many users and groups a desktop is assigned; an older field counts where the newer ones are missing.
fn assigned_users<T>(
    infos: Field<Array<T>>,
    list: Field<Array<T>>,
    name: Field<Given>,
    reader: &mut FieldReader,
) -> Option<u32> {
    let infos = reader.read(infos, "attach_user_infos");
    let list = reader.read(list, "user_list");
    let name = reader.read(name, "user_name");
    match infos.or(list) {
        Some(Array(users)) => u32::try_from(users.len()).ok(),
        None => name.map(|Given(is_given)| u32::from(is_given)),
    }
}

fn facts<'a>(wire: &mut DesktopDetailInfo<'a>, wanted: &[Box<str>], reader: &mut FieldReader) -> FactsView<'a> {
    let take = std::mem::take::<Field<Cow<'a, str>>>;
    let metadata: Metadata<'a> = reader.object(std::mem::take(&mut wire.metadata), "metadata");
    let flavor = reader.object(std::mem::take(&mut wire.flavor), "flavor");
    let product: ProductInfo<'a> = reader.object(std::mem::take(&mut wire.product), "product");
    let product_flavor = reader.read(product.flavor_id, "product.flavor_id");
    let memory = reader.read(product.memory, "product.memory");
    let vcpus = reader.read(product.cpu, "product.cpu");
    FactsView {
        desktop_type: reader.read(take(&mut wire.desktop_type), "desktop_type"),
        os_type: reader.read(metadata.os_type, "metadata.os_type"),
        os_version: reader.read(take(&mut wire.os_version), "os_version"),
        image_id: reader.read(metadata.image_id, "metadata.metering.image_id"),
        image_name: reader.read(metadata.image_name, "metadata.image_name"),
        product_id: reader.read(take(&mut wire.product_id), "product_id"),
        flavor_id: reader.read(flavor.id, "flavor.id").or(product_flavor),
        availability_zone: reader.read(take(&mut wire.availability_zone), "availability_zone"),
        site_type: reader.read(take(&mut wire.site_type), "site_type"),
        site_name: reader.read(take(&mut wire.site_name), "site_name"),
        enterprise_project_id: reader.read(take(&mut wire.enterprise_project_id), "enterprise_project_id"),
        subnet_id: reader.read(take(&mut wire.subnet_id), "subnet_id"),
        tags: tags(wire, wanted, reader),
        vcpus: vcpus.map(|Digits(count)| count),
        memory_bytes: memory.and_then(|Digits(megabytes)| megabytes.checked_mul(MEGABYTE)),
        volumes: volumes(wire, reader),
    }
}

/// The wanted tags in the wanted order; of two with one key, the first counts.
fn tags<'a>(
    wire: &mut DesktopDetailInfo<'a>,
    wanted: &[Box<str>],
    reader: &mut FieldReader,
) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let mut tags = Vec::new();
    for tag in reader.objects(std::mem::take(&mut wire.tags), "tags") {
        let key = reader.read(tag.key, "tags.key");
        let value = reader.read(tag.value, "tags.value");
        match (key, value) {
            (Some(key), Some(value)) if wanted.iter().any(|wanted| **wanted == *key) => tags.push((key, value)),
            _ => {}
        }
    }
    let find = |key: &str| tags.iter().find(|(found, _)| **found == *key).cloned();
    wanted.iter().filter_map(|key| find(key)).collect()
}

/// The disks whose size is known.
fn volumes<'a>(wire: &mut DesktopDetailInfo<'a>, reader: &mut FieldReader) -> Vec<VolumeView<'a>> {
    let root: Option<Object<VolumeDetail<'a>>> = reader.read(std::mem::take(&mut wire.root_volume), "root_volume");
    let data = reader.objects(std::mem::take(&mut wire.data_volumes), "data_volumes");
    let system = root.into_iter().map(|Object(volume)| (VolumeRole::System, volume));
    let all = system.chain(data.into_iter().map(|volume| (VolumeRole::Data, volume)));
    all.filter_map(|(role, volume)| {
        let device = reader.read(volume.device, "volume.device");
        let Digits(gigabytes) = reader.read(volume.size, "volume.size")?;
        Some((role, device, gigabytes.checked_mul(GIGABYTE)?))
    })
    .collect()
}

/// Reads the networks of a desktop; `None`, and counted, when nobody's.
pub(super) fn network<'a>(
    wire: DesktopNetworkResult<'a>,
    pool: &mut PlacePool<'a>,
    reader: &mut FieldReader,
) -> Option<(DesktopId, Vec<Port>)> {
    let id = reader
        .read(wire.computer_id, "computer_id")
        .and_then(DesktopId::try_new);
    let infos = reader.objects(wire.network_infos, "network_infos");
    let ports = infos.into_iter().map(|info| port(info, pool, reader)).collect();
    if id.is_none() {
        reader.found_other_shape("computer_id");
    }
    Some((id?, ports))
}

fn port<'a>(wire: NetworkInfo<'a>, pool: &mut PlacePool<'a>, reader: &mut FieldReader) -> Port {
    let vpc: Named<'a> = reader.object(wire.vpc_info, "vpc_info");
    let subnet: Named<'a> = reader.object(wire.subnet_info, "subnet_info");
    let port = reader.object(wire.port_info, "port_info");
    let public_ip = reader.object(wire.public_ip_info, "public_ip_info");
    let groups = reader.objects(wire.security_groups, "security_groups");
    let security_groups = groups.into_iter().map(|group: Named<'a>| {
        let id = reader.read(group.id, "security_groups.id");
        (id, reader.read(group.name, "security_groups.name"))
    });
    let security_groups = security_groups.collect();
    let place = PlaceView {
        vpc_id: reader.read(vpc.id, "vpc_info.id"),
        vpc_name: reader.read(vpc.name, "vpc_info.name"),
        subnet_id: reader.read(subnet.id, "subnet_info.id"),
        subnet_name: reader.read(subnet.name, "subnet_info.name"),
        security_groups,
    };
    Port {
        private_ip: reader.text(port.ip_address, "port_info.ip_address"),
        public_ip: reader.text(public_ip.public_ip_address, "public_ip_info.public_ip_address"),
        place: pool.get(place),
    }
}
