//! Which families are served and how, as the settings say. Pure; made once a configuration.

use super::catalogue::families;
use super::family::{Family, Presence, Source, States};
use super::format::Syntax;
use super::rows::{Value, tail};
use crate::config::{MetricsSettings, StateRows, Users};
use crate::inventory::UserName;

/// What names in the settings leave out.
const PREFIX: &str = "huaweicloud_workspace_";

/// A setting names what there is not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct PlanError {
    /// The setting's path.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Which families are served and how.
#[derive(Debug)]
pub struct Plan {
    families: Vec<Planned>,
    /// Key and label.
    tags: Vec<(Box<str>, String)>,
    users: Users,
    has_statesets: bool,
}

/// A family that is served.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) family: &'static Family,
    /// The name of its rows and `{`.
    pub(super) head: Box<[u8]>,
    endings: Option<Endings>,
}

/// What stands behind the leading labels in the rows of a state family, by the place of the word.
#[derive(Debug)]
struct Endings {
    is_dense: bool,
    /// With the label named as the family says.
    plain: [Vec<Box<[u8]>>; 2],
    /// With the label named like the family: a state set's.
    stateset: Option<[Vec<Box<[u8]>>; 2]>,
}

impl Default for Plan {
    /// What is served where nothing is set.
    fn default() -> Self {
        Self::following(&MetricsSettings::default(), Users::Off)
    }
}

impl Plan {
    /// Follows the settings.
    ///
    /// # Errors
    ///
    /// [`PlanError`] names a setting that cannot be followed.
    pub fn of(settings: &MetricsSettings, users: Users) -> Result<Self, PlanError> {
        check(settings)?;
        Ok(Self::following(settings, users))
    }

    /// Follows settings that were checked.
    fn following(settings: &MetricsSettings, users: Users) -> Self {
        Self {
            families: families()
                .filter_map(|family| planned(family, settings, users))
                .collect(),
            tags: labels_of(&settings.tags),
            users,
            has_statesets: settings.openmetrics_statesets,
        }
    }

    pub(super) fn families(&self) -> &[Planned] {
        &self.families
    }

    /// The tags that are labels: key and label.
    pub(super) fn tags(&self) -> &[(Box<str>, String)] {
        &self.tags
    }

    /// What is shown of a user; nothing of one that was read under other settings.
    pub(super) fn shown<'a>(&self, user: &'a UserName) -> Option<&'a str> {
        match (self.users, user) {
            (Users::Plain, UserName::Plain(text)) | (Users::Hash, UserName::Hashed(text)) => Some(text),
            (Users::Off, _) | (Users::Plain, UserName::Hashed(_)) | (Users::Hash, UserName::Plain(_)) => None,
        }
    }

    /// The lines in front of a family's rows.
    pub(super) fn header(&self, family: &Family, syntax: Syntax) -> String {
        let (help, word) = (family.help, family.kind.word(syntax, self.has_statesets));
        let name = match syntax {
            Syntax::Classic => family.name,
            Syntax::OpenMetrics => family.name.strip_suffix(family.kind.suffix()).unwrap_or(family.name),
        };
        format!("# HELP {name} {help}\n# TYPE {name} {word}\n")
    }
}

impl Planned {
    /// The ends of the rows of a desktop whose word has this place: one, or one for each word.
    pub(super) fn endings(&self, place: usize, syntax: Syntax) -> impl Iterator<Item = &[u8]> {
        let endings = self.endings.as_ref();
        let sets = endings.map(|endings| match (&endings.stateset, syntax) {
            (Some(stateset), Syntax::OpenMetrics) => stateset,
            _ => &endings.plain,
        });
        let is_dense = endings.is_some_and(|endings| endings.is_dense);
        let places = match sets {
            Some([off, _]) if is_dense => 0..off.len(),
            Some(_) => place..place + 1,
            None => 0..0,
        };
        let of = move |row: usize| sets.map_or(&[][..], |[off, on]| if row == place { &on[row] } else { &off[row] });
        places.map(of)
    }
}

fn planned(family: &'static Family, settings: &MetricsSettings, users: Users) -> Option<Planned> {
    let is_named = |names: &[String]| names.iter().any(|name| name == short(family));
    let is_served = match family.presence {
        Presence::Always => true,
        Presence::Default => !is_named(&settings.off),
        Presence::OnRequest => is_named(&settings.on),
        Presence::WithUsers => users != Users::Off && !is_named(&settings.off),
    };
    let endings = match &family.source {
        Source::State(states) => Some(endings(family, states, settings)?),
        Source::Flag(_)
        | Source::Facts(_)
        | Source::Ports(_)
        | Source::Desktop(_)
        | Source::Project(_)
        | Source::Moment(_) => None,
    };
    is_served.then(|| Planned {
        family,
        head: format!("{}{{", family.name).into_bytes().into(),
        endings,
    })
}

/// `None` where the state's rows are off.
fn endings(family: &Family, states: &States, settings: &MetricsSettings) -> Option<Endings> {
    let rows = settings
        .encoding
        .get(short(family))
        .copied()
        .unwrap_or(settings.state_rows);
    let ends = |label: &str| {
        [false, true].map(|is_on| {
            let words = (states.words)().into_iter();
            words.map(|word| tail([(label, word)], Value::Flag(is_on))).collect()
        })
    };
    let is_dense = match rows {
        StateRows::Off => return None,
        StateRows::Sparse => false,
        StateRows::Dense => !states.is_sparse_only,
    };
    Some(Endings {
        is_dense,
        plain: ends(family.labels[0]),
        stateset: settings.openmetrics_statesets.then(|| ends(family.name)),
    })
}

fn short(family: &Family) -> &'static str {
    family.name.strip_prefix(PREFIX).unwrap_or(family.name)
}

fn check(settings: &MetricsSettings) -> Result<(), PlanError> {
    let problem = |key: String, problem: String| Err(PlanError { key, problem });
    for (setting, names) in [("off", &settings.off), ("on", &settings.on)] {
        for (place, name) in names.iter().enumerate() {
            let key = format!("metrics.{setting}[{place}]");
            match family_of(name).map(|family| family.presence) {
                None => return problem(key, unknown(name)),
                Some(Presence::Always) => return problem(key, format!("{name} is always served")),
                Some(Presence::WithUsers) if setting == "on" => {
                    return problem(key, format!("{name} is served where privacy.users is hash or plain"));
                }
                Some(Presence::Default | Presence::OnRequest | Presence::WithUsers) => {}
            }
            if settings.off.contains(name) && settings.on.contains(name) {
                return problem(key, format!("{name} is both on and off"));
            }
        }
    }
    for (name, rows) in &settings.encoding {
        let key = format!("metrics.encoding.{name}");
        match family_of(name).map(|family| &family.source) {
            None => return problem(key, unknown(name)),
            Some(Source::State(states)) if states.is_sparse_only && *rows == StateRows::Dense => {
                return problem(key, format!("{name} has too many words for a row each: sparse or off"));
            }
            Some(Source::State(_)) => {}
            Some(_) => {
                return problem(
                    key,
                    format!("{name} is no state; metrics.on and metrics.off name the others"),
                );
            }
        }
    }
    if settings.tags.iter().any(|key| key.is_empty()) {
        return problem("metrics.tags".to_owned(), "a tag's key is not empty".to_owned());
    }
    Ok(())
}

fn family_of(name: &str) -> Option<&'static Family> {
    families().find(|family| short(family) == name)
}

fn unknown(name: &str) -> String {
    let desktop_families = families().filter(|family| family.group.is_per_desktop());
    let names: Vec<&str> = desktop_families.map(short).collect();
    format!("there is no family {name}; there are {}", names.join(", "))
}

/// A label for each tag's key: `tag_` and the key, with `_` for what a label's name cannot hold. Keys that become one label
/// are told apart by `_conflict1`, `_conflict2` and so on, in the settings' order, as kube-state-metrics does.
fn labels_of(keys: &[Box<str>]) -> Vec<(Box<str>, String)> {
    let mut unique: Vec<&Box<str>> = Vec::new();
    for key in keys {
        if !unique.contains(&key) {
            unique.push(key);
        }
    }
    let name = |key: &str| {
        let letters = key.chars();
        let letters = letters.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
        format!("tag_{}", letters.collect::<String>())
    };
    let names: Vec<String> = unique.iter().map(|key| name(key)).collect();
    let mut labels: Vec<(Box<str>, String)> = Vec::new();
    for (place, key) in unique.into_iter().enumerate() {
        let is_alone = names.iter().filter(|other| **other == names[place]).count() == 1;
        let is_taken = |label: &String| names.contains(label) || labels.iter().any(|(_, taken)| taken == label);
        let mut numbered = (1..).map(|number| format!("{}_conflict{number}", names[place]));
        let label = if is_alone {
            Some(names[place].clone())
        } else {
            numbered.find(|label| !is_taken(label))
        };
        labels.extend(label.map(|label| (key.clone(), label)));
    }
    labels
}

/// What the documentation says of when a family is served.
#[must_use]
pub fn presence_in_words(family: &Family) -> &'static str {
    match (family.presence, &family.source) {
        (Presence::Always, _) => "always",
        (Presence::Default, Source::State(states)) if !states.is_sparse_only => "sparse",
        (Presence::Default, _) => "on",
        (Presence::OnRequest, _) => "off",
        (Presence::WithUsers, _) => "with privacy.users",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: impl FnOnce(&mut MetricsSettings)) -> MetricsSettings {
        let mut settings = MetricsSettings::default();
        yaml(&mut settings);
        settings
    }

    fn names(plan: &Plan) -> Vec<&'static str> {
        plan.families().iter().map(|planned| short(planned.family)).collect()
    }

    #[test]
    fn families_come_and_go_by_name() {
        let plan = Plan::of(
            &settings(|settings| {
                settings.off = vec!["desktop_frozen".to_owned()];
                settings.on = vec!["desktop_vcpus".to_owned()];
                settings.encoding.insert("desktop_status".to_owned(), StateRows::Off);
            }),
            Users::Off,
        );
        let names = names(&plan.expect("a plan"));
        assert!(names.contains(&"desktop_vcpus") && names.contains(&"desktop_login_status"));
        for absent in [
            "desktop_frozen",
            "desktop_status",
            "desktop_memory_bytes",
            "desktop_user_info",
        ] {
            assert!(!names.contains(&absent), "{absent}");
        }
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut MetricsSettings), expected: &str) {
        let error = Plan::of(&settings(change), Users::Off).expect_err("a plan").to_string();
        assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
    }

    #[test]
    fn what_cannot_be_followed_names_its_setting() {
        check_refused(
            |it| it.off = vec!["desktop_statuss".to_owned()],
            "metrics.off[0]: there is no family",
        );
        check_refused(|it| it.off = vec!["desktops".to_owned()], "always served");
        check_refused(|it| it.on = vec!["desktop_user_info".to_owned()], "privacy.users");
        check_refused(
            |it| it.encoding.extend([("desktop_info".to_owned(), StateRows::Dense)]),
            "metrics.encoding.desktop_info: desktop_info is no state",
        );
        check_refused(
            |it| {
                it.encoding
                    .extend([("desktop_task_status".to_owned(), StateRows::Dense)]);
            },
            "too many words",
        );
        check_refused(|it| it.tags = vec!["".into()], "metrics.tags");
        check_refused(
            |it| {
                it.off = vec!["desktop_vcpus".to_owned()];
                it.on = vec!["desktop_vcpus".to_owned()];
            },
            "both on and off",
        );
    }

    #[test]
    fn tags_that_would_be_one_label_are_told_apart() {
        let keys = ["team", "cost-center", "cost_center", "cost center", "成本", "team"].map(Into::into);
        let labels: Vec<String> = labels_of(&keys).into_iter().map(|(_, label)| label).collect();
        let expected = [
            "tag_team",
            "tag_cost_center_conflict1",
            "tag_cost_center_conflict2",
            "tag_cost_center_conflict3",
            "tag___",
        ];
        assert_eq!(labels, expected);
        let keys = ["a-b", "a_b", "a_b_conflict1"].map(Into::into);
        let labels: Vec<String> = labels_of(&keys).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["tag_a_b_conflict2", "tag_a_b_conflict3", "tag_a_b_conflict1"]);
    }

    #[test]
    fn names_read_under_other_settings_are_not_shown() {
        let plan = Plan::of(&MetricsSettings::default(), Users::Hash).expect("a plan");
        assert_eq!(plan.shown(&UserName::Plain("ann".into())), None);
        assert_eq!(plan.shown(&UserName::Hashed("1f".into())), Some("1f"));
    }
}
