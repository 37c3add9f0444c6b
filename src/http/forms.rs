//! Which forms of the current publication there are: made when somebody asks for one, once, and made anew beside the last
//! one when something else is published. Nothing is made that nobody asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exposition::{Coding, Counts, Packed, Plan, Selection, Sheet, Syntax, count};
use crate::publish::{Publication, Reader};

/// A form that nobody asked for in this time is let go.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Different forms that are kept; past this, the one that was asked for longest ago is let go.
const FORMS_MAXIMUM: usize = 16;

/// Which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// Ready to be written in a syntax, whatever of it is asked for.
    Sheet(Syntax),
    /// Compressed: of what, in which syntax, in which coding.
    Packed(Selection, Syntax, Coding),
}

/// A form of a publication.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Sheet(Arc<Sheet>),
    Packed(Arc<Packed>),
}

impl Form {
    /// Makes a form, beside the last one of this key if there is one.
    fn make((publication, plan): (Arc<Publication>, Arc<Plan>), key: &Key, before: Option<&Packed>) -> Self {
        match key {
            Key::Sheet(syntax) => Form::Sheet(Arc::new(Sheet::of(publication, plan, *syntax))),
            Key::Packed(selection, syntax, coding) => {
                let form = (selection, *syntax, *coding);
                Form::Packed(Arc::new(Packed::of(publication, plan, form, before)))
            }
        }
    }

    /// What it is of, and the plan that it follows.
    pub(super) fn made_from(&self) -> (&Arc<Publication>, &Arc<Plan>) {
        match self {
            Form::Sheet(sheet) => (sheet.publication(), sheet.plan()),
            Form::Packed(packed) => (packed.publication(), packed.plan()),
        }
    }
}

/// The forms of what is published; cheap to clone, all clones share them.
#[derive(Debug, Clone)]
pub struct Forms {
    reader: Reader,
    plan: Arc<watch::Sender<Arc<Plan>>>,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    slots: Vec<Slot>,
    /// How many rows everything has, for readers of a part.
    counted: Option<(Arc<Publication>, Arc<Plan>, Counts)>,
}

/// A place for one form.
#[derive(Debug)]
struct Slot {
    key: Key,
    form: Option<Form>,
    asked_at: Instant,
    /// Somebody asked for it since it was made.
    is_wanted: bool,
    /// One is made at a time, so that readers who come together share it.
    turn: Arc<Turn<()>>,
}

impl Slot {
    /// What of the form helps to make the next one; a sheet is not worth its memory meanwhile.
    fn before(&mut self) -> Option<Arc<Packed>> {
        match self.form.take()? {
            Form::Sheet(_) => None,
            Form::Packed(packed) => {
                self.form = Some(Form::Packed(Arc::clone(&packed)));
                Some(packed)
            }
        }
    }
}

impl Forms {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(reader: Reader, plan: Arc<Plan>) -> Self {
        Self {
            reader,
            plan: Arc::new(watch::Sender::new(plan)),
            shelf: Arc::default(),
        }
    }

    /// From now on, another plan is followed.
    pub fn follow(&self, plan: Arc<Plan>) {
        drop(self.plan.send_replace(plan));
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.borrow())
    }

    /// Makes the forms that are asked for anew whenever something else is published, so that no reader waits for it.
    pub(super) async fn run(self, stop: CancellationToken) {
        let (mut reader, mut plans) = (self.reader.clone(), self.plan.subscribe());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = reader.changed() => {}
                // There is always a sender: this one.
                Ok(()) = plans.changed() => {}
            }
            for key in self.wanted() {
                drop(self.renewed(&key).await);
            }
        }
    }

    /// How many rows each family has in a publication; counted once for all readers of a part of it.
    pub(super) async fn counts(&self, publication: &Arc<Publication>, plan: &Arc<Plan>) -> Option<Counts> {
        let is_current =
            |(counted, by, _): &&(Arc<Publication>, Arc<Plan>, Counts)| is_same((counted, by), (publication, plan));
        let counts = self
            .kept()
            .counted
            .as_ref()
            .filter(is_current)
            .map(|(_, _, counts)| Arc::clone(counts));
        if counts.is_some() {
            return counts;
        }
        let (counted, by) = (Arc::clone(publication), Arc::clone(plan));
        let counting = spawn_blocking(move || count(&counted, &by));
        let counts = counting.await.inspect_err(failed).ok()?;
        self.kept().counted = Some((Arc::clone(publication), Arc::clone(plan), Arc::clone(&counts)));
        Some(counts)
    }

    /// A form of the current publication. `None` if making it failed.
    pub(super) async fn get(&self, key: &Key) -> Option<Form> {
        self.ask(key);
        let form = self.renewed(key).await;
        // Asked for once more, or the next publication would count this time as the one before.
        self.ask(key);
        form
    }

    async fn renewed(&self, key: &Key) -> Option<Form> {
        let turn = self.with_slot(key, |slot| Arc::clone(&slot.turn))?;
        let _turn = turn.lock().await;
        let (publication, plan) = (self.reader.current(), self.plan());
        let is_current = |form: &Form| is_same(form.made_from(), (&publication, &plan));
        let current = |slot: &mut Slot| slot.form.clone().filter(is_current);
        if let Some(form) = self.with_slot(key, current).flatten() {
            return Some(form);
        }
        let before = self.with_slot(key, Slot::before).flatten();
        let making = {
            let key = key.clone();
            spawn_blocking(move || Form::make((publication, plan), &key, before.as_deref()))
        };
        let form = making.await.inspect_err(failed).ok()?;
        self.with_slot(key, |slot| {
            slot.form = Some(form.clone());
            slot.is_wanted = false;
        });
        Some(form)
    }

    fn ask(&self, key: &Key) {
        let now = Instant::now();
        let mut kept = self.kept();
        if let Some(slot) = kept.slots.iter_mut().find(|slot| slot.key == *key) {
            (slot.asked_at, slot.is_wanted) = (now, true);
            return;
        }
        if kept.slots.len() >= FORMS_MAXIMUM {
            kept.slots.sort_by_key(|slot| slot.asked_at);
            drop(kept.slots.remove(0));
        }
        kept.slots.push(Slot {
            key: key.clone(),
            form: None,
            asked_at: now,
            is_wanted: true,
            turn: Arc::default(),
        });
    }

    /// What was asked for since it was made. What nobody wants any more is let go: a sheet soon, for it is made in no time, and
    /// keeps what it was made from.
    fn wanted(&self) -> Vec<Key> {
        let mut kept = self.kept();
        kept.slots.retain(|slot| match slot.key {
            Key::Sheet(_) => slot.is_wanted,
            Key::Packed(..) => slot.asked_at.elapsed() < KEPT_FOR,
        });
        let wanted = kept.slots.iter().filter(|slot| slot.is_wanted);
        wanted.map(|slot| slot.key.clone()).collect()
    }

    fn with_slot<T>(&self, key: &Key, read: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let mut kept = self.kept();
        kept.slots.iter_mut().find(|slot| slot.key == *key).map(read)
    }

    fn kept(&self) -> MutexGuard<'_, Shelf> {
        // Whole between any two uses, so a panic elsewhere cannot have spoilt it.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what was made from the one would be made alike from the other.
fn is_same(one: (&Arc<Publication>, &Arc<Plan>), other: (&Arc<Publication>, &Arc<Plan>)) -> bool {
    Arc::ptr_eq(one.1, other.1) && one.0.shows_the_same(other.0)
}

/// A form that cannot be made is our own mistake; readers are served without it.
fn failed(error: &tokio::task::JoinError) {
    tracing::error!(%error, "a form of the metrics could not be made");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Networks, SnapshotBuilder};
    use crate::publish::{Board, NetworkFacts, Project, Publisher};

    fn stage() -> (Publisher, Forms) {
        let (board, reader) = Board::open();
        let publisher = board.add(Arc::new(Project {
            name: "p".to_owned(),
            region: String::new(),
            endpoint: String::new(),
            project_id: None,
            required: true,
            interval: KEPT_FOR,
            network_interval: KEPT_FOR,
        }));
        (publisher, Forms::new(reader, Arc::default()))
    }

    fn publish(publisher: &Publisher) {
        let builder = SnapshotBuilder::new("id".into(), jiff::Timestamp::UNIX_EPOCH);
        let snapshot = builder.build(None, &Networks::new(KEPT_FOR), Instant::now());
        let _ = publisher.publish(&Arc::new(snapshot), NetworkFacts::default());
    }

    /// The form that is there, without asking for it; `None` if it is not there, or not of what is published now.
    fn ready(forms: &Forms, key: &Key) -> Option<Form> {
        let form = forms.with_slot(key, |slot| slot.form.clone()).flatten();
        form.filter(|form| is_same(form.made_from(), (&forms.reader.current(), &forms.plan())))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_is_ready_when_the_next_is_published_and_not_for_ever() {
        let (publisher, forms) = stage();
        let sheet = Key::Sheet(Syntax::Classic);
        let packed = Key::Packed(Selection::default(), Syntax::Classic, Coding::Gzip);
        publish(&publisher);
        for key in [&sheet, &packed] {
            assert!(ready(&forms, key).is_none(), "nobody asked yet");
            assert!(forms.get(key).await.is_some());
        }
        let stop = CancellationToken::new();
        let running = tokio::spawn(forms.clone().run(stop.clone()));
        publish(&publisher);
        // Time moves when everything else waits.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(ready(&forms, &sheet).is_some() && ready(&forms, &packed).is_some());
        publish(&publisher);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(
            ready(&forms, &sheet).is_none() && ready(&forms, &packed).is_none(),
            "nobody asked since"
        );
        let kept = |key: &Key| forms.with_slot(key, |slot| slot.form.is_some());
        assert_eq!((kept(&sheet), kept(&packed)), (None, Some(true)));
        tokio::time::sleep(KEPT_FOR).await;
        publish(&publisher);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(kept(&packed), None, "nobody asked for so long");
        stop.cancel();
        running.await.expect("it ends");
    }
}
