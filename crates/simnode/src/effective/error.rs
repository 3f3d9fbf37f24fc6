//! Why a node's files cannot be used.

use std::{io, path::PathBuf};

use crate::{
    files::{nginx::NginxSyntaxError, yaml::YamlError},
    locations::DuplicateLocation,
    release::ReleaseError,
    web_origin::WebOriginError,
};

/// Why a node's files cannot be used. Real services would not start either.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that must be there cannot be read.
    #[error("cannot read `{}`", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A YAML file is broken.
    #[error("cannot parse `{}`", path.display())]
    ParseYaml {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: YamlError,
    },
    /// A JSON file is broken.
    #[error("cannot parse `{}`", path.display())]
    ParseJson {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// An nginx file is broken.
    #[error("nginx would not load `{}`", path.display())]
    ParseNginx {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: NginxSyntaxError,
    },
    /// An nginx directive has the wrong number of arguments.
    #[error("nginx: invalid number of arguments in `{directive}` directive")]
    NginxArguments {
        /// The directive.
        directive: String,
    },
    /// Two nginx files define one location.
    #[error("nginx would not start")]
    Locations(#[from] DuplicateLocation),
    /// The release file names no release we can play.
    #[error("cannot tell the node's release from `/etc/bigbluebutton/bigbluebutton-release`")]
    Release(#[from] ReleaseError),
    /// `bigbluebutton.web.serverURL` is no origin.
    #[error("`bigbluebutton.web.serverURL` is not an origin")]
    ServerUrl(#[from] WebOriginError),
    /// A property that bbb-web needs is not set.
    #[error("property `{key}` is not set")]
    MissingProperty {
        /// The key.
        key: &'static str,
    },
}
