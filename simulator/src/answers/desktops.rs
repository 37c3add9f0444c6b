//! `GET /v2/{project_id}/desktops/detail`: select, sort, page, and write as the reference page shows.

use http::Request;
use http::header::USER_AGENT;
use serde_json::{Map, Value, json};

use super::errors::Refusal;
use super::lies::Lies;
use crate::fleet::{Desktop, Fleet};
use crate::query::Query;

/// The reference page's bounds of `limit`.
const LIMIT_MAXIMUM: usize = 500;

/// Names that break naive encoders.
const NASTY_NAMES: [&str; 7] = [
    "quote\"backslash\\newline\n",
    "",
    "tab\tcarriage\rreturn",
    "\u{0}null",
    "\u{1F5A5}\u{FE0F} \u{684C}\u{9762}",
    "} 1\nhuaweicloud_workspace_desktop_status{desktop_id=\"x\"} 1",
    "# HELP nothing",
];

/// Which shapes of `addresses` a client is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shapes {
    /// Those of the page's table and of its example, and none: whoever reads the page must expect them.
    All,
    /// The table's map: the vendor's SDKs crash on the example's list, so the real service cannot send it to them.
    MapsOnly,
}

impl Shapes {
    /// Tells the vendor's SDKs by the User-Agent they send.
    pub(super) fn for_client<B>(request: &Request<B>) -> Self {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        if agent.is_some_and(|agent| agent.starts_with("huaweicloud-usdk")) {
            Shapes::MapsOnly
        } else {
            Shapes::All
        }
    }
}

/// Answers the list call.
pub(super) fn list(fleet: &Fleet, query: &Query, shapes: Shapes, lies: &Lies) -> Result<String, Refusal> {
    let selection = Selection::of(query).map_err(unreadable)?;
    let offset = query.number("offset").map_err(unreadable)?.unwrap_or(0);
    let limit = query.number("limit").map_err(unreadable)?.unwrap_or(LIMIT_MAXIMUM);
    if limit > LIMIT_MAXIMUM {
        return Err(Refusal::BadParameter(format!(
            "limit must be between 0 and {LIMIT_MAXIMUM}"
        )));
    }
    let mut selected: Vec<&Desktop> = fleet
        .desktops()
        .iter()
        .filter(|desktop| selection.takes(desktop))
        .collect();
    sort(&mut selected, query)?;
    lies.disorder(&mut selected, query.first("desktop_id").is_some());
    let (offset, limit) = lies.page(offset, limit);
    let page: Vec<String> = selected
        .iter()
        .skip(offset)
        .take(limit)
        .map(|desktop| write(desktop, shapes, lies))
        .collect();
    let total = lies.total(selected.len());
    let total = total.map_or_else(String::new, |total| format!(r#","total_count":{total}"#));
    Ok(format!(r#"{{"desktops":[{}]{total}}}"#, page.join(",")))
}

fn unreadable(key: &str) -> Refusal {
    Refusal::BadParameter(format!("parameter {key} is invalid"))
}

/// The reference page's parameters that select; an absent one selects everything.
struct Selection<'a> {
    query: &'a Query,
    user_attached: Option<bool>,
    in_maintenance_mode: Option<bool>,
}

impl<'a> Selection<'a> {
    fn of(query: &'a Query) -> Result<Self, &'static str> {
        Ok(Self {
            query,
            user_attached: query.flag("user_attached")?,
            in_maintenance_mode: query.flag("in_maintenance_mode")?,
        })
    }

    fn takes(&self, desktop: &Desktop) -> bool {
        let user = desktop.user_name.as_deref();
        // The reference page: user_name is ignored when user_names is given.
        let users = if self.query.first("user_names").is_some() {
            "user_names"
        } else {
            "user_name"
        };
        self.one_of(users, |wanted| user == Some(wanted))
            && self.one_of("status", |wanted| desktop.status.eq_ignore_ascii_case(wanted))
            && self.one_of("computer_name", |wanted| desktop.computer_name == wanted)
            && self.one_of("desktop_ip", |wanted| {
                desktop.nics.iter().any(|nic| nic.private_ip == wanted)
            })
            && self.one_of("desktop_id", |wanted| desktop.id == wanted)
            && self.one_of("desktop_type", |wanted| desktop.desktop_type == wanted)
            && self.one_of("image_id", |wanted| desktop.image.id == wanted)
            && self.one_of("charge_mode", |wanted| wanted == "1")
            && self.one_of("enterprise_project_id", |wanted| wanted == "0")
            && self.one_of("pool_id", |wanted| {
                desktop
                    .pool_id
                    .is_some_and(|pool| wanted.split(',').any(|one| one == pool))
            })
            && self.one_of("tag", |wanted| wanted.split(',').all(|tag| has_tag(desktop, tag)))
            && self.user_attached.is_none_or(|wanted| wanted == user.is_some())
            && self
                .in_maintenance_mode
                .is_none_or(|wanted| wanted == desktop.in_maintenance)
    }

    /// Whether the parameter is absent or one of its values fits.
    fn one_of(&self, key: &str, fits: impl Fn(&str) -> bool) -> bool {
        let mut values = self.query.all(key).peekable();
        values.peek().is_none() || values.any(fits)
    }
}

fn has_tag(desktop: &Desktop, tag: &str) -> bool {
    desktop
        .tags
        .iter()
        .any(|(key, value)| tag.split_once('=') == Some((key, value)))
}

fn sort(selected: &mut [&Desktop], query: &Query) -> Result<(), Refusal> {
    match query.first("sort_field") {
        None => {}
        Some("created") => selected.sort_by_key(|desktop| desktop.created),
        Some("computer_name") => selected.sort_by(|left, right| left.computer_name.cmp(&right.computer_name)),
        Some(_) => return Err(unreadable("sort_field")),
    }
    match query.first("sort_type") {
        None | Some("ASC") => {}
        Some("DESC") => selected.reverse(),
        Some(_) => return Err(unreadable("sort_type")),
    }
    Ok(())
}

/// Writes one desktop as the reference page shows it, in one of the shapes that occur. What never changes about it is
/// written once.
fn write(desktop: &Desktop, shapes: Shapes, lies: &Lies) -> String {
    let name = if lies.has_nasty_names {
        NASTY_NAMES[desktop.number % NASTY_NAMES.len()]
    } else {
        &desktop.computer_name
    };
    let own;
    let fixed = if shapes == Shapes::All {
        desktop.fixed_fields.get_or_init(|| fixed_fields(desktop, shapes))
    } else {
        own = fixed_fields(desktop, shapes);
        &own
    };
    let mut changing = json!({
        "computer_name": name,
        "status": desktop.status,
        "task_status": desktop.task.word(),
        "login_status": desktop.login_status,
        "attach_state": desktop.attach_state,
        "in_maintenance_mode": desktop.in_maintenance,
    });
    if let Some(fields) = changing.as_object_mut() {
        match desktop.number % 11 {
            3 => drop(fields.remove("in_maintenance_mode")),
            5 => drop(fields.remove("task_status")),
            _ => {}
        }
    }
    let changing = changing.to_string();
    format!("{{{fixed},{}", &changing[1..])
}

/// The fields that never change, as the inside of an object.
fn fixed_fields(desktop: &Desktop, shapes: Shapes) -> String {
    let (image, site, product) = (desktop.image, desktop.site, desktop.product);
    let mut fields = json!({
        "desktop_id": desktop.id,
        "ip_addresses": desktop.nics.iter().map(|nic| &nic.private_ip).collect::<Vec<_>>(),
        "desktop_type": desktop.desktop_type,
        "metadata": {
            "image_name": image.name,
            "metering.resourcespeccode": product.flavor,
            "charging_mode": "0",
            "metering.image_id": image.id,
            "metering.resourcetype": "1",
            "os_type": image.os_type,
            "os_bit": "64",
            "desktop_os_version": image.os_version,
        },
        "flavor": {"id": product.flavor, "links": []},
        "created": format!("{:.3}", desktop.created),
        "product_id": product.id,
        "root_volume": {
            "type": "SSD",
            "size": 80,
            "device": "/dev/vda",
            "create_time": format!("{:.0}", desktop.created),
        },
        "data_volumes": [],
        "availability_zone": site.zone,
        "site_type": site.kind,
        "site_name": site.name,
        "product": {
            "product_id": product.id,
            "flavor_id": product.flavor,
            "type": "BASE",
            "cpu": product.vcpus,
            "memory": product.memory_mb,
            "descriptions": format!("CPU:{}vCPUs,Memory:{}MB", product.vcpus, product.memory_mb),
            "charge_mode": "1",
        },
        "os_version": image.os_version,
        "tags": desktop.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>(),
        "internet_mode": if desktop.nics[0].public_ip.is_some() { "EIP" } else { "NAT" },
        "is_attaching_eip": false,
        "enterprise_project_id": "0",
        "subnet_id": site.subnet.0,
    });
    if let Some(fields) = fields.as_object_mut() {
        write_user(desktop, fields);
        write_what_varies(desktop, shapes, fields);
    }
    let text = fields.to_string();
    text[1..text.len() - 1].to_owned()
}

fn write_user(desktop: &Desktop, fields: &mut Map<String, Value>) {
    let Some(user) = &desktop.user_name else { return };
    fields.insert("user_name".to_owned(), json!(user));
    fields.insert("user_list".to_owned(), json!([user]));
    fields.insert("user_group".to_owned(), json!("users"));
    fields.insert(
        "attach_user_infos".to_owned(),
        json!([{"user_id": format!("id-of-{user}"), "user_name": user, "user_group": "users", "type": "USER"}]),
    );
}

/// The table says that `addresses` is a map, the example shows a list, and real answers leave fields out.
fn write_what_varies(desktop: &Desktop, shapes: Shapes, fields: &mut Map<String, Value>) {
    let list: Vec<Value> = desktop
        .nics
        .iter()
        .map(|nic| {
            json!({
                "addr": nic.private_ip,
                "version": "4",
                "OS-EXT-IPS-MAC:mac_addr": nic.mac,
                "OS-EXT-IPS:type": "fixed",
            })
        })
        .collect();
    match desktop.number % 5 {
        0 | 1 => fields.insert("addresses".to_owned(), json!({desktop.site.vpc.0: list})),
        2 | 3 if shapes == Shapes::All => fields.insert("addresses".to_owned(), json!(list)),
        _ => None,
    };
    match desktop.number % 11 {
        7 => drop(fields.insert("subnet_id".to_owned(), Value::Null)),
        9 => drop(fields.remove("site_name")),
        _ => {}
    }
    // Newer answers carry fields that no page lists.
    if desktop.number.is_multiple_of(3) {
        fields.insert("creation_type".to_owned(), json!("console"));
    }
}
