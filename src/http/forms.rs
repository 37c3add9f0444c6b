//! Which forms of the current publication there are: made when somebody asks for one, once, and made anew beside the last
//! one when something else is published. Nothing is made that nobody asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exposition::{Coding, Counts, Packed, Plan, Selection, Sheet, Syntax};
use crate::publish::{Publication, Reader};

/// A form that nobody asked for in this time is let go.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Different forms that are kept; past this, the one that was asked for longest ago is let go.
const FORMS_MAXIMUM: usize = 16;

/// A compressed form: of what, in which syntax, in which coding.
pub(super) type Key = (Selection, Syntax, Coding);

/// The forms of what is published; cheap to clone, all clones share them.
#[derive(Debug, Clone)]
pub struct Forms {
    reader: Reader,
    plan: Arc<watch::Sender<Arc<Plan>>>,
    shelf: Arc<Mutex<Shelf>>,
    /// One sheet is made at a time, so that readers who come together share it.
    sheet_turn: Arc<Turn<()>>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// One a syntax, alive while a reader holds it.
    sheets: Vec<Weak<Sheet>>,
    slots: Vec<Slot>,
    /// How many rows everything has, for readers of a part.
    counted: Option<(Arc<Publication>, Arc<Plan>, Counts)>,
}

/// A place for one compressed form.
#[derive(Debug)]
struct Slot {
    key: Key,
    packed: Option<Arc<Packed>>,
    asked_at: Instant,
    /// Somebody asked for it since it was made.
    is_wanted: bool,
    turn: Arc<Turn<()>>,
}

impl Forms {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(reader: Reader, plan: Arc<Plan>) -> Self {
        Self {
            reader,
            plan: Arc::new(watch::Sender::new(plan)),
            shelf: Arc::default(),
            sheet_turn: Arc::default(),
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

    /// The current publication made ready to be written; every reader shares it. `None` if making it failed.
    pub(super) async fn sheet(&self, syntax: Syntax) -> Option<Arc<Sheet>> {
        let _turn = self.sheet_turn.lock().await;
        let (publication, plan) = (self.reader.current(), self.plan());
        let is_current = |sheet: &Arc<Sheet>| {
            let made_from = (sheet.publication(), sheet.plan());
            sheet.syntax() == syntax && is_same(made_from, (&publication, &plan))
        };
        let sheet = self.kept().sheets.iter().filter_map(Weak::upgrade).find(is_current);
        if sheet.is_some() {
            return sheet;
        }
        let making = spawn_blocking(move || Arc::new(Sheet::of(publication, plan, syntax)));
        let sheet = making.await.inspect_err(failed).ok()?;
        let mut kept = self.kept();
        kept.sheets.retain(|sheet| sheet.strong_count() > 0);
        kept.sheets.push(Arc::downgrade(&sheet));
        Some(sheet)
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
        let counting = spawn_blocking(move || Arc::clone(Sheet::of(counted, by, Syntax::Classic).counts()));
        let counts = counting.await.inspect_err(failed).ok()?;
        self.kept().counted = Some((Arc::clone(publication), Arc::clone(plan), Arc::clone(&counts)));
        Some(counts)
    }

    /// The compressed form of the current publication. `None` if making it failed.
    pub(super) async fn packed(&self, key: &Key) -> Option<Arc<Packed>> {
        self.ask(key);
        let packed = self.renewed(key).await;
        // Asked for once more, or the next publication would count this time as the one before.
        self.ask(key);
        packed
    }

    async fn renewed(&self, key: &Key) -> Option<Arc<Packed>> {
        let turn = self.with_slot(key, |slot| Arc::clone(&slot.turn))?;
        let _turn = turn.lock().await;
        let (publication, plan) = (self.reader.current(), self.plan());
        let before = self.with_slot(key, |slot| slot.packed.clone()).flatten();
        let is_current = |packed: &Arc<Packed>| is_same((packed.publication(), packed.plan()), (&publication, &plan));
        if let Some(packed) = before.clone().filter(is_current) {
            return Some(packed);
        }
        let (selection, syntax, coding) = key.clone();
        let making = spawn_blocking(move || {
            let form = (&selection, syntax, coding);
            Arc::new(Packed::of(publication, plan, form, before.as_deref()))
        });
        let packed = making.await.inspect_err(failed).ok()?;
        self.with_slot(key, |slot| {
            slot.packed = Some(Arc::clone(&packed));
            slot.is_wanted = false;
        });
        Some(packed)
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
            packed: None,
            asked_at: now,
            is_wanted: true,
            turn: Arc::default(),
        });
    }

    /// What was asked for since it was made. What nobody wants any more is let go.
    fn wanted(&self) -> Vec<Key> {
        let mut kept = self.kept();
        kept.slots.retain(|slot| slot.asked_at.elapsed() < KEPT_FOR);
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
