//! The schema's history, embedded. An applied file never changes again.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Version, description and statements.
pub(crate) type Step = (i64, &'static str, &'static str);

/// All there are, oldest first.
pub(crate) const MIGRATIONS: &[Step] = &[
    (1, "generations", include_str!("../migrations/0001_generations.sql")),
    (2, "placement", include_str!("../migrations/0002_placement.sql")),
    (3, "tenants", include_str!("../migrations/0003_tenants.sql")),
    (4, "callbacks", include_str!("../migrations/0004_callbacks.sql")),
    (5, "recordings", include_str!("../migrations/0005_recordings.sql")),
    (6, "administration", include_str!("../migrations/0006_administration.sql")),
    (7, "health", include_str!("../migrations/0007_health.sql")),
    (9, "takeover", include_str!("../migrations/0009_takeover.sql")),
    (10, "stores", include_str!("../migrations/0010_stores.sql")),
    (11, "revisions", include_str!("../migrations/0011_revisions.sql")),
];

/// The newest schema of these.
pub(crate) fn newest(steps: &[Step]) -> i64 {
    steps.iter().map(|(version, _, _)| *version).max().unwrap_or(0)
}

pub(crate) fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps
        .iter()
        .map(|&(version, description, sql)| {
            Migration::new(
                version,
                Cow::Borrowed(description),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}
