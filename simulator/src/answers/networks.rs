//! `GET /v2/{project_id}/desktops/networks`: 1 to 100 ids as repeated keys; unknown ids are left out.

use serde_json::{Value, json};

use super::errors::Refusal;
use crate::faults::NetworkFault;
use crate::fleet::{Desktop, Fleet, Nic};
use crate::query::Query;

/// The reference page: "The value ranges from 1 to 100".
const BATCH_MAXIMUM: usize = 100;

/// Answers the networks call.
pub(super) fn list(fleet: &Fleet, query: &Query, faults: &[NetworkFault]) -> Result<String, Refusal> {
    let ids: Vec<&str> = query.all("desktop_ids").collect();
    if ids.is_empty() || ids.len() > BATCH_MAXIMUM {
        return Err(Refusal::BadParameter(format!(
            "desktop_ids must hold 1 to {BATCH_MAXIMUM} ids, not {}",
            ids.len()
        )));
    }
    let mut asked: Vec<&Desktop> = ids.iter().filter_map(|id| fleet.get(id)).collect();
    for fault in faults {
        match *fault {
            NetworkFault::NotOffered => return Err(Refusal::ApiNotFound),
            NetworkFault::Poisoned { one_in, status } => {
                if asked.iter().any(|desktop| desktop.number.is_multiple_of(one_in)) {
                    return Err(Refusal::Poisoned(status));
                }
            }
            NetworkFault::ForeignIds => asked.extend(fleet.desktops().iter().take(3)),
        }
    }
    let networks: Vec<Value> = asked.into_iter().map(write).collect();
    Ok(json!({ "networks": networks }).to_string())
}

fn write(desktop: &Desktop) -> Value {
    let infos: Vec<Value> = desktop.nics.iter().map(|nic| write_nic(desktop, nic)).collect();
    json!({
        "computer_name": desktop.computer_name,
        "computer_id": desktop.id,
        "computer_ip": desktop.nics[0].private_ip,
        "network_infos": infos,
    })
}

fn write_nic(desktop: &Desktop, nic: &Nic) -> Value {
    let (vpc, subnet) = (desktop.site.vpc, desktop.site.subnet);
    let mut info = json!({
        "vpc_info": {"id": vpc.0, "name": vpc.1, "cidr": "10.0.0.0/8"},
        "subnet_info": {"id": subnet.0, "name": subnet.1, "cidr": "10.0.0.0/10"},
        "port_info": {"id": nic.port_id, "ip_address": nic.private_ip},
        "security_groups": [{"id": "5f0bd3e0-7c1e-4b7c-9f4e-000000000001", "name": "WorkspaceUserSecurityGroup"}],
    });
    // Without an elastic address the field is null or left out; both occur.
    match &nic.public_ip {
        Some(address) => {
            info["public_ip_info"] = json!({"id": format!("eip-{}", nic.port_id), "public_ip_address": address});
        }
        None if desktop.number.is_multiple_of(2) => info["public_ip_info"] = Value::Null,
        None => {}
    }
    info
}
