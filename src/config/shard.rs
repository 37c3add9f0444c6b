//! Which projects are this process's, where several processes share them: each project goes to the one that weighs most for
//! it (rendezvous hashing), so that one process more or less moves no project between the others.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One of several processes that share the projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// Whether a project is this process's. Costs a hash a process.
    #[must_use]
    pub fn owns(self, project: &str) -> bool {
        let weight = |shard: &u32| Sha256::digest(format!("{shard}/{project}"));
        (0..self.count).max_by_key(weight) == Some(self.index)
    }

    /// Checks what one field's type cannot.
    pub(super) fn check(self) -> Result<(), String> {
        let is_good = self.index < self.count && self.count <= 1_000;
        is_good
            .then_some(())
            .ok_or_else(|| format!("{} of {} is no shard: the index begins at 0", self.index, self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_has_one_owner_and_one_more_process_takes_from_all_alike() {
        let owner = |project: usize, count: u32| {
            let name = format!("project-{project}");
            let owners: Vec<u32> = (0..count)
                .filter(|index| Shard { index: *index, count }.owns(&name))
                .collect();
            assert_eq!(owners.len(), 1, "{name} of {count}");
            owners[0]
        };
        let moved: Vec<u32> = (0..400)
            .filter(|project| owner(*project, 4) != owner(*project, 3))
            .map(|project| owner(project, 4))
            .collect();
        assert!(moved.iter().all(|to| *to == 3), "projects move to the new process only");
        assert!((70..130).contains(&moved.len()), "{} of 400 moved", moved.len());
        assert!(Shard::default().owns("anything"));
    }
}
