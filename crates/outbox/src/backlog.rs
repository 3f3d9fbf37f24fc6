//! What this process has taken from the queue and not begun: by place, a few at
//! once, and within a lane one after the other. Without I/O.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bluegate_store::Callback;

/// Places of which callbacks wait, for whoever queues more of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<HashSet<String>>>);

impl Places {
    /// Whether this is one of them.
    pub(crate) fn has(&self, place: &str) -> bool {
        self.lock().contains(place)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Callbacks that are leased to this process.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    per_place: usize,
    /// Waiting, by place.
    places: HashMap<String, Place>,
    /// Those of which some wait.
    taken: Places,
    /// Places in turn.
    round: VecDeque<String>,
    /// Everything of ours that the store does not know to be done.
    ours: HashSet<String>,
    /// Lanes in which one is under way.
    lanes: HashSet<String>,
    /// To be given back untried.
    released: Vec<String>,
    waiting: usize,
    /// Whether a place has used up what was taken for it.
    used_up: bool,
}

#[derive(Debug, Default)]
struct Place {
    waiting: VecDeque<Callback>,
    active: usize,
}

impl Backlog {
    /// At most so many are under way of one place. Those of which some wait are
    /// shown in `taken`.
    pub(crate) fn new(per_place: usize, taken: Places) -> Self {
        Self { per_place, taken, ..Self::default() }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether this callback waits, is under way, or is not recorded yet.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ours.contains(id)
    }

    /// Whether callbacks of this place wait.
    pub(crate) fn waits_for(&self, place: &str) -> bool {
        self.taken.has(place)
    }

    /// Whether some place has used up what was taken for it, since this was asked
    /// last: there may be more.
    pub(crate) fn take_used_up(&mut self) -> bool {
        std::mem::take(&mut self.used_up)
    }

    /// Takes callbacks, in their order.
    pub(crate) fn extend(&mut self, callbacks: Vec<Callback>) {
        for callback in callbacks {
            self.ours.insert(callback.id.clone());
            self.waiting += 1;
            let place = self.places.entry(callback.place.clone()).or_insert_with(|| {
                self.round.push_back(callback.place.clone());
                Place::default()
            });
            if place.waiting.is_empty() {
                self.taken.lock().insert(callback.place.clone());
            }
            place.waiting.push_back(callback);
        }
    }

    /// The next one that may begin: the places take turns. What is leased no
    /// longer than `latest` is not begun any more.
    pub(crate) fn next(&mut self, latest: i64) -> Option<Callback> {
        for _ in 0..self.round.len() {
            let name = self.round.pop_front()?;
            let Some(place) = self.places.get_mut(&name) else { continue };
            let mut found = None;
            while place.active < self.per_place {
                let free = |callback: &Callback| {
                    callback.lane.as_ref().is_none_or(|lane| !self.lanes.contains(lane))
                };
                let Some(index) = place.waiting.iter().position(free) else { break };
                let Some(callback) = place.waiting.remove(index) else { break };
                self.waiting -= 1;
                if callback.leased_until > latest {
                    place.active += 1;
                    self.lanes.extend(callback.lane.clone());
                    found = Some(callback);
                    break;
                }
                // What waits behind it must not pass it.
                self.released.push(callback.id);
                if let Some(lane) = callback.lane {
                    self.waiting -= give_back(place, &lane, &mut self.released);
                }
            }
            if place.waiting.is_empty() {
                self.taken.lock().remove(&name);
            }
            self.used_up |= found.is_some() && place.waiting.is_empty();
            if place.active == 0 && place.waiting.is_empty() {
                self.places.remove(&name);
            } else {
                self.round.push_back(name);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// One that was begun has ended. When it is to be tried `again`, what waits
    /// behind it in its lane is given back.
    pub(crate) fn ended(&mut self, callback: &Callback, again: bool) {
        if let Some(lane) = &callback.lane {
            self.lanes.remove(lane);
        }
        let Some(place) = self.places.get_mut(&callback.place) else { return };
        place.active = place.active.saturating_sub(1);
        if let Some(lane) = callback.lane.as_ref().filter(|_| again) {
            self.waiting -= give_back(place, lane, &mut self.released);
            if place.waiting.is_empty() {
                self.taken.lock().remove(&callback.place);
            }
        }
    }

    /// Gives back all that waits.
    pub(crate) fn empty(&mut self) {
        for place in self.places.values_mut() {
            self.released.extend(place.waiting.drain(..).map(|callback| callback.id));
        }
        self.waiting = 0;
        self.taken.lock().clear();
    }

    /// What is to be given back.
    pub(crate) fn released(&self) -> Vec<String> {
        self.released.clone()
    }

    /// It has been given back.
    pub(crate) fn forget_released(&mut self) {
        for id in self.released.drain(..) {
            self.ours.remove(&id);
        }
    }

    /// The store knows how it ended.
    pub(crate) fn done_with(&mut self, id: &str) {
        self.ours.remove(id);
    }
}

/// Gives back what waits in a lane; says how many that were.
fn give_back(place: &mut Place, lane: &str, released: &mut Vec<String>) -> usize {
    let before = place.waiting.len();
    place.waiting.retain(|waiting| {
        let stays = waiting.lane.as_deref() != Some(lane);
        if !stays {
            released.push(waiting.id.clone());
        }
        stays
    });
    before - place.waiting.len()
}
