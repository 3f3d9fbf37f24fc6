//! The schema's history, embedded. An applied file never changes again.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Version, description and statements, oldest first.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "generations", include_str!("../migrations/0001_generations.sql")),
    (2, "placement", include_str!("../migrations/0002_placement.sql")),
    (3, "tenants", include_str!("../migrations/0003_tenants.sql")),
    (4, "callbacks", include_str!("../migrations/0004_callbacks.sql")),
    (5, "recordings", include_str!("../migrations/0005_recordings.sql")),
    (6, "administration", include_str!("../migrations/0006_administration.sql")),
    (7, "health", include_str!("../migrations/0007_health.sql")),
    (10, "stores", include_str!("../migrations/0010_stores.sql")),
];

pub(crate) fn migrator() -> Migrator {
    let migrations = MIGRATIONS
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
