//! What happened in a simulation, so that one in which nothing does is noticed.

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) created: usize,
    pub(super) ended: usize,
    pub(super) superseded: usize,
    pub(super) losses: usize,
    pub(super) freezes: usize,
    pub(super) boots: usize,
    pub(super) twins_ended: usize,
    pub(super) kept_other: usize,
    pub(super) uncertain: usize,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.ended += other.ended;
        self.superseded += other.superseded;
        self.losses += other.losses;
        self.freezes += other.freezes;
        self.boots += other.boots;
        self.twins_ended += other.twins_ended;
        self.kept_other += other.kept_other;
        self.uncertain += other.uncertain;
    }

    pub(super) fn is_eventful(&self) -> bool {
        [
            self.created,
            self.ended,
            self.superseded,
            self.losses,
            self.freezes,
            self.boots,
            self.twins_ended,
            self.kept_other,
            self.uncertain,
        ]
        .iter()
        .all(|count| *count > 0)
    }
}
