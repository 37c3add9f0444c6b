//! The company whose desktops these are: its sites, images, products and naming. Pure tables and one constructor.

use std::cell::OnceCell;
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_pcg::Pcg32;

use super::desktop::{Desktop, Nic, Task};
use super::life;

/// Where desktops run.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) vpc: (&'static str, &'static str),
    pub(crate) subnet: (&'static str, &'static str),
    network: Ipv4Addr,
}

/// What desktops boot from.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) os_type: &'static str,
    pub(crate) os_version: &'static str,
}

/// What desktops cost and have.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) id: &'static str,
    pub(crate) flavor: &'static str,
    pub(crate) vcpus: &'static str,
    pub(crate) memory_mb: &'static str,
}

const SITES: [Site; 3] = [
    Site {
        kind: "CENTER",
        name: "Central site",
        zone: "simulated-1a",
        vpc: ("6f7c2e4e-5d4f-4d26-9c2e-000000000001", "vpc-office"),
        subnet: ("0b1d3c55-22aa-4f0e-8f4e-000000000001", "subnet-office"),
        network: Ipv4Addr::new(10, 16, 0, 0),
    },
    Site {
        kind: "CENTER",
        name: "Central site",
        zone: "simulated-1b",
        vpc: ("6f7c2e4e-5d4f-4d26-9c2e-000000000002", "vpc-engineering"),
        subnet: ("0b1d3c55-22aa-4f0e-8f4e-000000000002", "subnet-engineering"),
        network: Ipv4Addr::new(10, 64, 0, 0),
    },
    Site {
        kind: "IES",
        name: "Edge station Shenzhen",
        zone: "simulated-1-ies",
        vpc: ("6f7c2e4e-5d4f-4d26-9c2e-000000000003", "vpc-edge"),
        subnet: ("0b1d3c55-22aa-4f0e-8f4e-000000000003", "subnet-edge"),
        network: Ipv4Addr::new(10, 128, 0, 0),
    },
];

const IMAGES: [Image; 4] = [
    Image {
        id: "39efed30-a0db-4520-8134-000000000001",
        name: "office-win11-2026.01",
        os_type: "Windows",
        os_version: "11",
    },
    Image {
        id: "39efed30-a0db-4520-8134-000000000002",
        name: "office-win11-2025.10",
        os_type: "Windows",
        os_version: "11",
    },
    Image {
        id: "39efed30-a0db-4520-8134-000000000003",
        name: "call-centre-win10",
        os_type: "Windows",
        os_version: "10",
    },
    Image {
        id: "39efed30-a0db-4520-8134-000000000004",
        name: "engineering-uos-20",
        os_type: "Linux",
        os_version: "20",
    },
];

const PRODUCTS: [Product; 3] = [
    Product {
        id: "workspace.k.large2.win",
        flavor: "rs3.large.2",
        vcpus: "2",
        memory_mb: "4096",
    },
    Product {
        id: "workspace.k.xlarge2.win",
        flavor: "rs3.xlarge.2",
        vcpus: "4",
        memory_mb: "8192",
    },
    Product {
        id: "workspace.k.2xlarge4.uosv20pro",
        flavor: "rs3.2xlarge.4",
        vcpus: "8",
        memory_mb: "32768",
    },
];

/// A department: its name prefix, whether it shares a pool, and its rows in the tables above.
struct Department {
    prefix: &'static str,
    team: &'static str,
    cost_center: &'static str,
    pool: Option<&'static str>,
    site: usize,
    images: &'static [usize],
    product: usize,
    /// Its part of the company, in percent.
    share: u32,
}

const DEPARTMENTS: [Department; 5] = [
    Department {
        prefix: "OFFICE",
        team: "office",
        cost_center: "4100",
        pool: None,
        site: 0,
        images: &[0, 0, 1],
        product: 0,
        share: 40,
    },
    Department {
        prefix: "FINANCE",
        team: "finance",
        cost_center: "4200",
        pool: None,
        site: 0,
        images: &[1],
        product: 1,
        share: 10,
    },
    Department {
        prefix: "CALL",
        team: "call-centre",
        cost_center: "5100",
        pool: Some("pool-7c1e0f52-call-centre"),
        site: 0,
        images: &[2],
        product: 0,
        share: 20,
    },
    Department {
        prefix: "DEV",
        team: "engineering",
        cost_center: "6100",
        pool: None,
        site: 1,
        images: &[3],
        product: 2,
        share: 20,
    },
    Department {
        prefix: "PLANT",
        team: "manufacturing",
        cost_center: "7100",
        pool: None,
        site: 2,
        images: &[0, 2],
        product: 1,
        share: 10,
    },
];

/// Makes desktop `index` of `count`, in a state that fits the hour of `start`.
pub(super) fn hire(index: usize, count: usize, seed: u64, start: Timestamp) -> Desktop {
    let mut random = Pcg32::new(seed, index as u64);
    let department = pick_department(&mut random);
    let site = &SITES[department.site];
    let image = &IMAGES[department.images[random.random_range(0..department.images.len())]];
    let attach_state = match random.random_range(0..100) {
        0..92 => "ATTACHED",
        92..97 => "UNATTACH",
        97 => "DEATTACHED",
        98 => "WAITING",
        _ => "ATTACHFAIL",
    };
    let mut desktop = Desktop {
        id: uuid(&mut random),
        computer_name: format!("{}-{index:05}", department.prefix),
        created: creation_of(index, count, start),
        status: "ACTIVE",
        login_status: "REGISTERED",
        attach_state,
        task: Task::Idle,
        in_maintenance: false,
        desktop_type: if department.pool.is_some() {
            "POOLED"
        } else {
            "DEDICATED"
        },
        pool_id: department.pool,
        user_name: (attach_state == "ATTACHED").then(|| format!("user{index:06}")),
        site,
        image,
        product: &PRODUCTS[department.product],
        tags: vec![("team", department.team), ("cost_center", department.cost_center)],
        nics: nics_of(index, site, &mut random),
        number: index,
        flaps: false,
        is_stuck: false,
        is_doomed: false,
        fixed_fields: OnceCell::new(),
        next_event: start,
        random,
    };
    life::settle(&mut desktop, start);
    desktop
}

/// Makes a desktop that is created now.
pub(super) fn hire_now(number: usize, seed: u64, now: Timestamp) -> Desktop {
    let mut desktop = hire(number, number + 1, seed, now);
    desktop.created = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    desktop
}

fn pick_department(random: &mut Pcg32) -> &'static Department {
    let mut percent = random.random_range(0..100);
    DEPARTMENTS
        .iter()
        .find(|department| {
            let hit = percent < department.share;
            percent = percent.saturating_sub(department.share);
            hit
        })
        .unwrap_or(&DEPARTMENTS[0])
}

/// The company grew by batches of twenty over three years, so equal creation times occur.
fn creation_of(index: usize, count: usize, start: Timestamp) -> Timestamp {
    let batches = i64::try_from(count.div_ceil(20)).unwrap_or(i64::MAX);
    let batch = i64::try_from(index / 20).unwrap_or(i64::MAX);
    let opening = start - SignedDuration::from_hours(3 * 365 * 24);
    let between_batches = SignedDuration::from_hours(3 * 364 * 24).as_secs() / batches.max(1);
    let moment = opening + SignedDuration::from_secs(batch * between_batches);
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

fn nics_of(index: usize, site: &Site, random: &mut Pcg32) -> Vec<Nic> {
    let offset = u32::try_from(index).unwrap_or(u32::MAX) + 10;
    let business = Ipv4Addr::from(u32::from(site.network) + offset);
    let public_ip = random
        .random_ratio(1, 20)
        .then(|| Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + offset).to_string());
    let mut nics = vec![nic(business, public_ip, random)];
    if random.random_ratio(1, 50) {
        let management = Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + offset);
        nics.push(nic(management, None, random));
    }
    nics
}

fn nic(private_ip: Ipv4Addr, public_ip: Option<String>, random: &mut Pcg32) -> Nic {
    let [_, second, third, fourth] = private_ip.octets();
    Nic {
        port_id: uuid(random),
        private_ip: private_ip.to_string(),
        public_ip,
        mac: format!("fa:16:3e:{second:02x}:{third:02x}:{fourth:02x}"),
    }
}

fn uuid(random: &mut Pcg32) -> String {
    let digits = crate::identity::hexadecimal(random, 32);
    format!(
        "{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}
