//! `task_status`: the work under way on a desktop. The vendor's three lists do not agree, so that this is their union
//! (`api/facts.md`, section 1.4), in lower case and with `_` for `-`.

use super::states::Word;

/// A word of the union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskStatus(u8);

const WORDS: [&str; 41] = [
    "scheduling",
    "block_device_mapping",
    "networking",
    "spawning",
    "rebooting",
    "reboot_pending",
    "reboot_started",
    "rebooting_hard",
    "reboot_pending_hard",
    "reboot_started_hard",
    "rebuilding",
    "rebuild_block_device_mapping",
    "rebuild_spawning",
    "migrating",
    "resize_prep",
    "resize_migrating",
    "resize_migrated",
    "resize_finish",
    "resize_reverting",
    "powering_off",
    "powering_on",
    "deleting",
    "deletefailed",
    "updating",
    "desktopnetworkchanging",
    "createdsuccess",
    "creating",
    "attaching",
    "desktopdetaching",
    "userprivilegegroupchanging",
    "updatingsids",
    "rejoiningdomain",
    "restoring",
    "addingvolumes",
    "deletingvolumes",
    "expandingvolumes",
    "desktoptoimage",
    "acrossazdesktopmigrating",
    "desktopresizing",
    "creatingwkssnapshot",
    "restoringwkssnapshot",
];

const ALL: [TaskStatus; WORDS.len()] = {
    let mut all = [TaskStatus(0); WORDS.len()];
    let mut place = 0_u8;
    while (place as usize) < WORDS.len() {
        all[place as usize] = TaskStatus(place);
        place += 1;
    }
    all
};

impl TaskStatus {
    /// The desktop is going away.
    pub const DELETING: Self = TaskStatus(21);
}

impl Word for TaskStatus {
    const ALL: &'static [Self] = &ALL;

    fn word(self) -> &'static str {
        WORDS[self.place()]
    }

    fn place(self) -> usize {
        usize::from(self.0)
    }

    /// `powering-off` and `powering_off` are one word.
    fn reads(self, raw: &str) -> bool {
        let word = self.word().as_bytes();
        let is_same =
            |(ours, theirs): (&u8, &u8)| *ours == theirs.to_ascii_lowercase() || (*ours == b'_' && *theirs == b'-');
        word.len() == raw.len() && word.iter().zip(raw.as_bytes()).all(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::super::states::State;
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let state: State<TaskStatus> = State::parse(raw);
        assert_eq!(state.label(), expected, "{raw}");
    }

    #[test]
    fn the_vendors_spellings_are_one_word_each() {
        check("powering-off", "powering_off");
        check("deleteFailed", "deletefailed");
        check("Deleting", "deleting");
        check("acrossAzDesktopMigrating", "acrossazdesktopmigrating");
        check("daydreaming", "unknown");
        check("rebooting hard", "unknown");
        assert_eq!(State::parse("DELETING"), State::Known(TaskStatus::DELETING));
    }
}
