//! One desktop as the API described it. Absent is absent: nothing here was made up.

use jiff::Timestamp;

use super::states::{AttachState, LoginStatus, State, Status};

/// A text field; `None` when the API left it out.
pub type Text = Option<Box<str>>;

/// The id of a desktop, never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DesktopId(Box<str>);

impl DesktopId {
    /// Takes an id; `None` when it is empty, for then there is nothing to know the desktop by.
    #[must_use]
    pub fn try_new(id: impl Into<Box<str>>) -> Option<Self> {
        let id = id.into();
        (!id.is_empty()).then_some(Self(id))
    }

    /// The id as the API wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One desktop. Its users are not here: they are personal data (`metrics.md`, "Labels").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desktop {
    /// Its identity.
    pub id: DesktopId,
    /// The name a person sees; not unique.
    pub computer_name: Text,
    /// Run state.
    pub status: Option<State<Status>>,
    /// Session state.
    pub login_status: Option<State<LoginStatus>>,
    /// Assignment.
    pub attach_state: Option<State<AttachState>>,
    /// Users are kept out.
    pub in_maintenance_mode: Option<bool>,
    /// The work under way, in the API's own word; an open set. Empty while idle.
    pub task_status: Text,
    /// When it was created; the list is sorted by it.
    pub created: Option<Timestamp>,
    /// Another number when its addresses are others: then its networks are worth asking for.
    pub address_mark: u64,
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
}

impl Desktop {
    /// A desktop of which only the id is known.
    #[must_use]
    pub fn new(id: DesktopId) -> Self {
        Self {
            id,
            computer_name: None,
            status: None,
            login_status: None,
            attach_state: None,
            in_maintenance_mode: None,
            task_status: None,
            created: None,
            address_mark: 0,
            desktop_type: None,
            os_type: None,
            os_version: None,
            image_id: None,
            image_name: None,
            product_id: None,
            flavor_id: None,
            availability_zone: None,
            site_type: None,
            site_name: None,
            enterprise_project_id: None,
            subnet_id: None,
        }
    }

    /// Whether the cloud was deleting it when it was last seen.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        let task = self.task_status.as_deref();
        task.is_some_and(|task| task.eq_ignore_ascii_case("deleting"))
    }

    /// Whether this is the record of a desktop that is gone: by its id, the API still answers for a while
    /// (`api/facts.md`, section 1.4).
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        matches!(&self.status, Some(State::Unknown(word)) if word.eq_ignore_ascii_case("DELETED"))
    }
}
