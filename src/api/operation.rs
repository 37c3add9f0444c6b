//! The calls of the cloud that are used, by the names that metrics and logs give them (`metrics.md`, last line).

use std::fmt;

/// A call of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `GET /v2/{project_id}/desktops/detail`
    ListDesktops,
    /// `GET /v2/{project_id}/desktops/networks`
    ListNetworks,
    /// `POST /v3/auth/tokens`
    CreateToken,
    /// `GET /v3/projects`
    FindProject,
    /// The two calls of the ECS metadata service
    MetadataCredentials,
}

impl Operation {
    /// Every call.
    pub const ALL: [Self; 5] = [
        Operation::ListDesktops,
        Operation::ListNetworks,
        Operation::CreateToken,
        Operation::FindProject,
        Operation::MetadataCredentials,
    ];

    /// The name in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::ListDesktops => "list_desktops",
            Operation::ListNetworks => "list_networks",
            Operation::CreateToken => "create_token",
            Operation::FindProject => "find_project",
            Operation::MetadataCredentials => "metadata_credentials",
        }
    }

    /// The IAM action that it needs first (`api/facts.md`, section 3); `None` where none is.
    #[must_use]
    pub fn action(self) -> Option<&'static str> {
        match self {
            Operation::ListDesktops => Some("workspace:desktops:listDetail"),
            Operation::ListNetworks => Some("workspace:desktops:listDesktopNetworks"),
            Operation::FindProject => Some("iam:projects:listProjects"),
            Operation::CreateToken | Operation::MetadataCredentials => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
