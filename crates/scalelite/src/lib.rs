//! The way in from Scalelite, and the way back.
//!
//! Owns how Scalelite 1.8 lays its servers, tenants and meetings out in Redis
//! ([`Layout`], pure), the connection to that Redis ([`Place`]), what of it can
//! be taken over ([`plan()`], pure) and what is written to go back
//! ([`give_back()`], pure). Does not own our store: what is there comes in as
//! plain data and what is to be done leaves as such.
//!
//! Start at [`Layout::of`] and [`plan()`].

mod back;
mod keys;
mod layout;
mod names;
mod place;
mod plan;
mod redis_store;
mod rules;

pub use back::{Back, OurMeeting, OurNode, OurTenant, Ours, give_back};
pub use keys::{Entry, Fields, Keys, Value};
pub use layout::{Layout, Meeting, Server, Setting, Tenant};
pub use place::{Place, PlaceError};
pub use plan::{
    Here, KnownNode, KnownTenant, LeftOut, MeetingTake, NodeTake, OpenMeeting, Options, Plan,
    Standing, TenantTake, plan,
};
pub use redis_store::{Connection, RedisError, Wrote};
