//! What goes over the wire: dialling as a browser would, one bounded request,
//! and a plain record of both sides of it.

mod answer;
mod certificate;
mod client;
mod dial;
mod trouble;

pub(crate) use answer::showable;
pub use answer::{Answer, Exchange, Shown};
pub use certificate::Certificate;
pub(crate) use certificate::read_certificate;
pub(crate) use client::{Client, Request, Upgraded};
pub(crate) use dial::{Dialer, Place, server_name};
pub use trouble::{CertificateTrouble, Trouble};
