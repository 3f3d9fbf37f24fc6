//! What a tenant may and gets.
//!
//! Owns [`Settings`]: the host names of a tenant, its [`Limits`], the [`Rules`]
//! for parameters of create and join with what they do to a request, its
//! presentation and tags; and [`Form`], the text of all that, which the
//! configuration file, the admin API and the store share.
//!
//! Pure: who calls, how many there are and what is refused is the scaler's
//! business. Secrets are no part of it.

mod form;
mod limits;
mod operator;
mod presentation;
mod rules;
mod settings;

pub use form::{
    BothForm, Form, LimitForm, LimitsForm, ListForm, NamedForm, OperatorsForm, PresentationForm,
    ScalarForm, TagsForm,
};
pub use limits::{Limit, LimitError, Limits};
pub use operator::{Operator, Rule, RuleError};
pub use presentation::{Presentation, PresentationError};
pub use rules::Rules;
pub use settings::{Problem, Settings};
