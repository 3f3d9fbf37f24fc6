//! IDs that belong to a tenant, and mean nothing without it.
//!
//! Two tenants may call different meetings by the same ID. So what is looked up
//! by an ID that a frontend gave is looked up by one of these types, and there is
//! no way to make one without saying whose it is:
//!
//! ```compile_fail
//! let class: bluegate_cluster::TenantMeetingId = "class".to_owned().into();
//! ```
//! ```compile_fail
//! let class = bluegate_cluster::TenantMeetingId { id: "class".to_owned() };
//! ```
//!
//! Nor does one kind stand for the other:
//!
//! ```compile_fail
//! use bluegate_cluster::{TenantMeetingId, TenantName, TenantRecordingId};
//! let physics: TenantName = "physics".parse().unwrap();
//! let class: TenantMeetingId = TenantRecordingId::new(&physics, "class");
//! ```
//! ```
//! use bluegate_cluster::{TenantMeetingId, TenantName};
//! let physics: TenantName = "physics".parse().unwrap();
//! let class: TenantMeetingId = TenantMeetingId::new(&physics, "class");
//! assert_eq!((class.tenant(), class.id()), (&physics, "class"));
//! ```

use std::{fmt, marker::PhantomData};

use crate::tenant::TenantName;

/// An ID of a tenant, of some kind of thing.
pub struct Scoped<Kind> {
    tenant: TenantName,
    id: String,
    kind: PhantomData<fn() -> Kind>,
}

/// The kind of [`TenantMeetingId`].
#[derive(Clone, Copy, Debug)]
pub enum Meeting {}

/// The kind of [`TenantRecordingId`].
#[derive(Clone, Copy, Debug)]
pub enum Recording {}

/// A meeting as its tenant names it: by its own meeting ID or, where a look-up
/// takes that too, by the internal meeting ID that BBB gave it.
pub type TenantMeetingId = Scoped<Meeting>;

/// A recording as its tenant names it.
pub type TenantRecordingId = Scoped<Recording>;

impl<Kind> Scoped<Kind> {
    /// What `tenant` calls `id`.
    #[must_use]
    pub fn new(tenant: &TenantName, id: &str) -> Self {
        Self { tenant: tenant.clone(), id: id.to_owned(), kind: PhantomData }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The ID, which is unique for this tenant only.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

// Derived, these would ask the same of the kind, which is never there.
impl<Kind> Clone for Scoped<Kind> {
    fn clone(&self) -> Self {
        Self::new(&self.tenant, &self.id)
    }
}

impl<Kind> PartialEq for Scoped<Kind> {
    fn eq(&self, other: &Self) -> bool {
        (&self.tenant, &self.id) == (&other.tenant, &other.id)
    }
}

impl<Kind> Eq for Scoped<Kind> {}

impl<Kind> fmt::Debug for Scoped<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", self.tenant, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_of_two_tenants_is_not_the_same() {
        let of = |tenant: &str| TenantMeetingId::new(&tenant.parse().unwrap(), "class");
        assert_eq!(of("physics"), of("physics").clone());
        assert_ne!(of("physics"), of("history"));
        assert_eq!(format!("{:?}", of("physics")), "physics/\"class\"");
    }
}
