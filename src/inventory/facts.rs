//! What describes a desktop and rarely changes. A fleet has few combinations of it, so that each is kept once.

use super::desktop::Text;

/// What describes a desktop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// `DEDICATED`, `POOLED`, `SHARED`, or a newer word.
    pub desktop_type: Text,
    /// `Windows`, `Linux` or `Others`.
    pub os_type: Text,
    /// OS version.
    pub os_version: Text,
    /// Id of the image it was made from.
    pub image_id: Text,
    /// Name of the image it was made from.
    pub image_name: Text,
    /// What is paid for.
    pub product_id: Text,
    /// Its size.
    pub flavor_id: Text,
    /// Where it runs.
    pub availability_zone: Text,
    /// `CENTER` or `IES`.
    pub site_type: Text,
    /// The site's name.
    pub site_name: Text,
    /// `0` is the default enterprise project.
    pub enterprise_project_id: Text,
    /// The subnet it was created in.
    pub subnet_id: Text,
    /// The tags that the operator asked for: key and value.
    pub tags: Box<[(Box<str>, Box<str>)]>,
    /// Virtual processors.
    pub vcpus: Option<u64>,
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Its disks.
    pub volumes: Box<[Volume]>,
}

/// One disk of a desktop.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Volume {
    /// What it is for.
    pub role: VolumeRole,
    /// Where it is mounted, such as `/dev/vda`.
    pub device: Text,
    /// Its size.
    pub size_bytes: u64,
}

/// What a disk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeRole {
    /// The operating system's.
    System,
    /// The users'.
    Data,
}

impl VolumeRole {
    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            VolumeRole::System => "system",
            VolumeRole::Data => "data",
        }
    }
}
