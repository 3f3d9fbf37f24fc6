//! The tenants of the file and those that were added at run time: what is in
//! force, and its change.
//!
//! Added tenants are rows of the store, their secrets sealed; every scaler of
//! the store follows them. A name is in the file or in the store, never in both:
//! adding and reloading refuse it. Where both have it at the start, the file's
//! is in force and the other is held back.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use arc_swap::ArcSwap;
use bluegate_cluster::{Secret, TenantName};
use bluegate_seal::{Key, KeyFileError};
use bluegate_store::{Store, StoreError, StoredTenant, WriteError};
use bluegate_tenant::{Form, Settings};

use crate::{
    clock,
    config::TenantConfig,
    tenants::{
        Tenants, event,
        merge::{TenantClash, merge},
    },
};

/// Tenants added at run time.
const MAX_ADDED: usize = 10_000;
/// The tenant whose meeting IDs are the same on the nodes.
const PLAIN: &str = "default";

/// All tenants, where they come from, and how they are changed.
#[derive(Debug)]
pub(crate) struct TenantBook {
    in_force: ArcSwap<Tenants>,
    sources: Mutex<Sources>,
    key_file: PathBuf,
    key: OnceLock<Key>,
    /// One change at a time.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Sources {
    file: Vec<TenantConfig>,
    /// The rows that `added` was made of.
    rows: Vec<StoredTenant>,
    added: Vec<TenantConfig>,
    held_back: Vec<HeldBackTenant>,
}

/// A tenant that was added and is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBackTenant {
    /// Its name.
    pub name: TenantName,
    /// Why.
    pub reason: String,
}

/// What is to change of an added tenant.
#[derive(Clone, Debug, Default)]
pub struct TenantChange {
    /// What it may and gets from now on.
    pub settings: Option<Settings>,
    /// Its secrets from now on.
    pub secrets: Option<Vec<Secret>>,
}

/// Why tenants are not changed.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is none of this name.
    #[error("there is no tenant `{0}`")]
    Unknown(TenantName),
    /// It is the file's to change.
    #[error("tenant `{0}` is in the configuration file: change it there, and reload")]
    InFile(TenantName),
    /// It does not fit beside another.
    #[error("tenant `{name}`: {clash}")]
    Clash {
        /// Which.
        name: TenantName,
        /// Why.
        clash: TenantClash,
    },
    /// It would get nobody in.
    #[error("a tenant needs a secret, and an empty one would let everyone in")]
    NoSecret,
    /// Its meetings would be nobody's.
    #[error("tenant `{name}` has {meetings} open meetings; disable it and wait, or insist")]
    HasMeetings {
        /// Which.
        name: TenantName,
        /// How many.
        meetings: usize,
    },
    /// A bound.
    #[error("{MAX_ADDED} tenants are the most that can be added")]
    TooMany,
    /// Secrets cannot be sealed.
    #[error("secrets cannot be sealed")]
    Key(#[from] KeyFileError),
    /// The store does not answer.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// Everything is new.
    Start,
    /// The file.
    File,
    /// The rows.
    Rows,
}

impl TenantBook {
    /// The tenants of the file and of the store. A store that cannot be read
    /// does not keep those of the file from working.
    pub(crate) async fn open(
        file: Vec<TenantConfig>,
        key_file: PathBuf,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let book = Self {
            in_force: ArcSwap::default(),
            sources: Mutex::new(Sources { file, ..Sources::default() }),
            key_file,
            key: OnceLock::new(),
            gate: tokio::sync::Mutex::default(),
        };
        book.take(store.tenants().await?, Since::Start);
        Ok(book)
    }

    /// The tenants in force.
    pub(crate) fn in_force(&self) -> Arc<Tenants> {
        self.in_force.load_full()
    }

    /// Those that were added and are not in force.
    pub(crate) fn held_back(&self) -> Vec<HeldBackTenant> {
        self.sources().held_back.clone()
    }

    /// The tenants that the file names.
    pub(crate) fn in_file(&self) -> BTreeSet<TenantName> {
        self.sources().file.iter().map(|tenant| tenant.name.clone()).collect()
    }

    fn is_in_file(&self, name: &TenantName) -> bool {
        self.sources().file.iter().any(|tenant| tenant.name == *name)
    }

    /// Takes over what other scalers changed.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let _gate = self.gate.lock().await;
        let rows = store.tenants().await?;
        self.take(rows, Since::Rows);
        Ok(())
    }

    /// Takes over the tenants of a file that was read again.
    pub(crate) async fn reload(&self, file: Vec<TenantConfig>) -> Result<(), TenantError> {
        let _gate = self.gate.lock().await;
        {
            let mut sources = self.sources();
            // What is held back already is no reason to refuse the file again.
            let known: Vec<_> = sources.held_back.iter().map(|held| held.name.clone()).collect();
            let added = sources.added.iter().filter(|tenant| !known.contains(&tenant.name));
            if let Some((tenant, clash)) =
                merge(file.iter().chain(added)).clashes.into_iter().next()
            {
                return Err(TenantError::Clash { name: tenant.name.clone(), clash });
            }
            sources.file = file;
        }
        let rows = self.sources().rows.clone();
        self.take(rows, Since::File);
        Ok(())
    }

    /// Adds a tenant.
    pub(crate) async fn add(
        &self,
        store: &Store,
        name: TenantName,
        secrets: Vec<Secret>,
        settings: Settings,
    ) -> Result<(), TenantError> {
        let plain = name.as_str() == PLAIN;
        let tenant = TenantConfig { name, secrets, plain, settings };
        let _gate = self.gate.lock().await;
        if tenant.secrets.is_empty() {
            return Err(TenantError::NoSecret);
        }
        let now = clock::now();
        let row = sealed(self.key()?, &tenant, now);
        let mut write = store.write().await?;
        let mut rows = write.tenants().await?;
        if rows.len() >= MAX_ADDED {
            return Err(TenantError::TooMany);
        }
        self.fits(&rows, &tenant)?;
        match write.insert_tenant(&row).await {
            Ok(()) => {}
            Err(WriteError::Taken) => {
                let clash = TenantClash::Name(tenant.name.clone());
                return Err(TenantError::Clash { name: tenant.name, clash });
            }
            Err(WriteError::Store(error)) => return Err(error.into()),
        }
        write.commit().await?;
        rows.push(row);
        self.take(rows, Since::Rows);
        Ok(())
    }

    /// Changes a tenant that was added.
    pub(crate) async fn change(
        &self,
        store: &Store,
        name: &TenantName,
        change: TenantChange,
    ) -> Result<(), TenantError> {
        let _gate = self.gate.lock().await;
        let mut write = store.write().await?;
        let mut rows = write.tenants().await?;
        let (row, mut tenant) = self.added(&mut rows, name)?;
        if let Some(settings) = change.settings {
            tenant.settings = settings;
        }
        if let Some(secrets) = change.secrets {
            tenant.secrets = secrets;
        }
        if tenant.secrets.is_empty() {
            return Err(TenantError::NoSecret);
        }
        row.settings = written(&tenant.settings);
        row.secrets = self.seal(name, &tenant.secrets)?;
        row.changed_at = clock::now().max(row.changed_at + 1);
        let row = row.clone();
        let others: Vec<_> = rows.iter().filter(|row| row.name != *name).cloned().collect();
        self.fits(&others, &tenant)?;
        if !write.update_tenant(&row).await? {
            return Err(TenantError::Unknown(name.clone()));
        }
        write.commit().await?;
        self.take(rows, Since::Rows);
        Ok(())
    }

    /// Removes a tenant that was added.
    pub(crate) async fn remove(
        &self,
        store: &Store,
        name: &TenantName,
        insist: bool,
    ) -> Result<(), TenantError> {
        let _gate = self.gate.lock().await;
        let mut write = store.write().await?;
        let mut rows = write.tenants().await?;
        if !rows.iter().any(|row| row.name == *name) {
            return Err(self.missing(name));
        }
        let open = write.open_generations().await?;
        let meetings = open.iter().filter(|generation| generation.tenant == *name).count();
        if meetings > 0 && !insist {
            return Err(TenantError::HasMeetings { name: name.clone(), meetings });
        }
        write.delete_tenant(name).await?;
        write.commit().await?;
        rows.retain(|row| row.name != *name);
        self.take(rows, Since::Rows);
        Ok(())
    }

    /// Puts the tenants of the file and of these rows in force, if that changes
    /// anything.
    fn take(&self, rows: Vec<StoredTenant>, since: Since) {
        let mut sources = self.sources();
        if since == Since::Rows && sources.rows == rows {
            return;
        }
        let mut held_back = Vec::new();
        let mut added = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.open_row(row) {
                Ok(tenant) => added.push(tenant),
                Err(reason) => held_back.push(HeldBackTenant { name: row.name.clone(), reason }),
            }
        }
        let merged = merge(sources.file.iter().chain(&added));
        held_back.extend(merged.clashes.iter().map(|(tenant, clash)| HeldBackTenant {
            name: tenant.name.clone(),
            reason: clash.to_string(),
        }));
        let in_force = merged.in_force.into_iter().cloned().collect();
        for held in held_back.iter().filter(|held| !sources.held_back.contains(held)) {
            tracing::error!(
                target: "bluegate::state", event = "tenant.held_back",
                tenant.id = %held.name, reason = held.reason,
                "a tenant that was added at run time is held back"
            );
        }
        let before = self.in_force.load_full();
        let now = Arc::new(Tenants::new(in_force, &before));
        if since != Since::Start {
            event::tell(&before, &now);
        }
        self.in_force.store(now);
        *sources = Sources { file: std::mem::take(&mut sources.file), rows, added, held_back };
    }

    /// Whether a tenant fits beside those of the file and these rows.
    fn fits(&self, rows: &[StoredTenant], tenant: &TenantConfig) -> Result<(), TenantError> {
        let name = &tenant.name;
        if self.is_in_file(name) {
            return Err(TenantError::InFile(name.clone()));
        }
        if rows.iter().any(|row| row.name == *name) {
            let clash = TenantClash::Name(name.clone());
            return Err(TenantError::Clash { name: name.clone(), clash });
        }
        let added: Vec<_> = rows.iter().filter_map(|row| self.open_row(row).ok()).collect();
        let sources = self.sources();
        let all = sources.file.iter().chain(&added).chain(std::iter::once(tenant));
        let clashes = merge(all).clashes;
        match clashes.into_iter().find(|(other, _)| other.name == *name) {
            Some((_, clash)) => Err(TenantError::Clash { name: name.clone(), clash }),
            None => Ok(()),
        }
    }

    fn added<'a>(
        &self,
        rows: &'a mut [StoredTenant],
        name: &TenantName,
    ) -> Result<(&'a mut StoredTenant, TenantConfig), TenantError> {
        let row = rows.iter_mut().find(|row| row.name == *name);
        let row = row.ok_or_else(|| self.missing(name))?;
        // What cannot be opened can still be replaced.
        let tenant = self.open_row(row).unwrap_or_else(|_| TenantConfig {
            name: name.clone(),
            secrets: Vec::new(),
            plain: row.plain || name.as_str() == PLAIN,
            settings: Settings::default(),
        });
        Ok((row, tenant))
    }

    fn missing(&self, name: &TenantName) -> TenantError {
        let name = name.clone();
        if self.is_in_file(&name) { TenantError::InFile(name) } else { TenantError::Unknown(name) }
    }

    /// A row as a tenant, or why it is none.
    fn open_row(&self, row: &StoredTenant) -> Result<TenantConfig, String> {
        opened(self.key().map_err(|error| error.to_string())?, row)
    }

    fn seal(&self, name: &TenantName, secrets: &[Secret]) -> Result<String, KeyFileError> {
        Ok(sealed_secrets(self.key()?, name, secrets))
    }

    /// The key, from its file; made at first use.
    fn key(&self) -> Result<&Key, KeyFileError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = Key::open_or_create(&self.key_file)?;
        Ok(self.key.get_or_init(|| key))
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row as a tenant, or why it is none.
pub(crate) fn opened(key: &Key, row: &StoredTenant) -> Result<TenantConfig, String> {
    let form: Form = serde_json::from_str(&row.settings)
        .map_err(|error| format!("its settings are not understood: {error}"))?;
    let settings = Settings::try_from(form).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        format!("its settings are not valid: {}", problems.join("; "))
    })?;
    let opened = key.open(&purpose(&row.name), &row.secrets);
    let text = opened.map_err(|error| format!("its secrets do not open: {error}"))?;
    let text = String::from_utf8_lossy(&text);
    let secrets: Vec<_> = text.lines().filter_map(|line| Secret::new(line).ok()).collect();
    if secrets.is_empty() {
        return Err("it has no secret".to_owned());
    }
    let plain = row.plain || row.name.as_str() == PLAIN;
    Ok(TenantConfig { name: row.name.clone(), secrets, plain, settings })
}

/// A tenant as a row.
pub(crate) fn sealed(key: &Key, tenant: &TenantConfig, now: i64) -> StoredTenant {
    StoredTenant {
        name: tenant.name.clone(),
        settings: written(&tenant.settings),
        secrets: sealed_secrets(key, &tenant.name, &tenant.secrets),
        plain: tenant.plain,
        added_at: now,
        changed_at: now,
    }
}

fn sealed_secrets(key: &Key, name: &TenantName, secrets: &[Secret]) -> String {
    let lines: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    key.seal(&purpose(name), lines.join("\n").as_bytes())
}

/// What a tenant's secrets are sealed for: another's row does not open with it.
fn purpose(name: &TenantName) -> String {
    format!("tenant secrets {name}")
}

fn written(settings: &Settings) -> String {
    serde_json::to_string(&Form::from(settings)).expect("texts and numbers are JSON")
}
