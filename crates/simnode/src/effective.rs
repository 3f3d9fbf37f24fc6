//! What all of a node's files together say, read once at start.
//!
//! The order of precedence is each service's own: package defaults, then the
//! operator's override file; see [`Effective::read`] for the list.

mod meteor;
mod root;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    cors::{GrailsCors, HasuraCors},
    files::{
        environment,
        nginx::{Directive, NginxSyntaxError},
        properties::Properties,
        systemd,
        yaml::{self, YamlError},
    },
    locations::{ClientLocations, DuplicateLocation},
    release::{Line, Release, ReleaseError},
    web_origin::{WebOrigin, WebOriginError},
};
pub(crate) use meteor::Meteor;
use root::Files;

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

/// The node's configuration in force.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    /// The installed release.
    pub(crate) release: Release,
    /// `bigbluebutton.web.serverURL`.
    pub(crate) origin: WebOrigin,
    /// `securitySalt`.
    pub(crate) secret: String,
    /// All of bbb-web's properties.
    pub(crate) properties: Properties,
    /// The client settings: package file and `bbb-html5.yml` merged.
    pub(crate) settings: Value,
    /// bbb-web's CORS switches.
    pub(crate) grails_cors: GrailsCors,
    /// `SameSite` of the session cookie, when somebody set one.
    pub(crate) same_site: Option<String>,
    /// The GraphQL engine's CORS setting.
    pub(crate) hasura_cors: HasuraCors,
    /// The middleware's `server.authorized_cross_origin`.
    pub(crate) middleware_origin: String,
    /// `$bbb_cors_origin` (2.7: `$bbb_loadbalancer_node`) as nginx ends up with it.
    pub(crate) slide_origin: String,
    /// `cluster_proxies` of `etherpad.json`.
    pub(crate) etherpad_proxies: Vec<String>,
    /// Where the client is served.
    pub(crate) locations: ClientLocations,
    /// How Meteor was started, on 2.7.
    pub(crate) meteor: Option<Meteor>,
}

impl Effective {
    /// Reads everything below `root`:
    ///
    /// - `bigbluebutton-release`;
    /// - `bigbluebutton.properties`, then `bbb-web.properties` (last key wins);
    /// - `settings.yml`, then `bbb-html5.yml` (deep merge, arrays replaced);
    /// - 2.7: the units and drop-ins of `bbb-html5-frontend@` and `-backend@`;
    /// - `bbb-graphql-middleware/config.yml`, then `bbb-graphql-middleware.yml`
    ///   (an empty value cannot blank out a default);
    /// - the unit and drop-ins of `bbb-web` and `bbb-graphql-server`, whose
    ///   `EnvironmentFile`s win over `Environment` lines;
    /// - `etherpad.json`;
    /// - `/etc/bigbluebutton/nginx/*.nginx` in the order of their names.
    pub(crate) fn read(root: &Path) -> Result<Self, ReadError> {
        let files = Files { root };
        let release_file = files.required("/etc/bigbluebutton/bigbluebutton-release")?;
        let release = environment::parse(&release_file);
        let release = Release::parse(
            release.get("BIGBLUEBUTTON_RELEASE").map(String::as_str).unwrap_or_default(),
        )?;

        let mut properties = Properties::parse(
            &files.required("/usr/share/bbb-web/WEB-INF/classes/bigbluebutton.properties")?,
        );
        if let Some(text) = files.optional("/etc/bigbluebutton/bbb-web.properties")? {
            properties.overlay(Properties::parse(&text));
        }
        let property = |key: &'static str| {
            properties
                .get(key)
                .filter(|value| !value.is_empty())
                .ok_or(ReadError::MissingProperty { key })
        };
        let origin = WebOrigin::parse(&property("bigbluebutton.web.serverURL")?)?;
        let secret = property("securitySalt")?;

        let line = release.line();
        let settings = files.merged_yaml(
            match line {
                Line::V2_7 => {
                    "/usr/share/meteor/bundle/programs/server/assets/app/config/settings.yml"
                }
                Line::V3_0 => "/usr/share/bigbluebutton/html5-client/private/config/settings.yml",
            },
            "/etc/bigbluebutton/bbb-html5.yml",
            yaml::deep_merge,
        )?;
        let middleware_origin = match line {
            Line::V2_7 => String::new(),
            Line::V3_0 => files
                .merged_yaml(
                    "/usr/share/bbb-graphql-middleware/config.yml",
                    "/etc/bigbluebutton/bbb-graphql-middleware.yml",
                    yaml::merge_non_empty,
                )?
                .pointer("/server/authorized_cross_origin")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        };

        let hasura = files.service_environment("bbb-graphql-server")?;
        let hasura_cors =
            HasuraCors::parse(hasura.get("HASURA_GRAPHQL_CORS_DOMAIN").map_or("*", String::as_str));
        let meteor = match line {
            Line::V2_7 => Some(Meteor::read(&files)?),
            Line::V3_0 => None,
        };

        let web = files.service_environment("bbb-web")?;
        let java = java_properties(web.get("JDK_JAVA_OPTIONS").map_or("", String::as_str));
        let application = files
            .optional("/usr/share/bbb-web/WEB-INF/classes/application.properties")?
            .map(|text| Properties::parse(&text))
            .unwrap_or_default();
        // 2.7 has the same settings in YAML.
        let tree = files.optional_yaml("/usr/share/bbb-web/WEB-INF/classes/application.yml")?;

        let nginx = files.nginx()?;
        Ok(Self {
            grails_cors: grails_cors(&java),
            same_site: same_site(&java, &application, &tree),
            slide_origin: slide_origin(&nginx, line)?,
            locations: ClientLocations::read(&nginx)?,
            etherpad_proxies: files.etherpad_proxies()?,
            release,
            origin,
            secret,
            properties,
            settings,
            hasura_cors,
            middleware_origin,
            meteor,
        })
    }

    /// A property with its placeholders resolved; empty when it is not set.
    pub(crate) fn property(&self, key: &str) -> String {
        self.properties.get(key).unwrap_or_default()
    }

    /// A whole-number property.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.properties.get(key).and_then(|value| value.parse().ok())
    }

    /// `graphqlWebsocketUrl`, with its scheme made a WebSocket's as bbb-web does.
    pub(crate) fn graphql_websocket_url(&self) -> String {
        let url = self.property("graphqlWebsocketUrl");
        match url.split_once("://") {
            Some(("https", rest)) => format!("wss://{rest}"),
            Some(("http", rest)) => format!("ws://{rest}"),
            _ => url,
        }
    }

    /// Where users go after a meeting when nobody says otherwise.
    pub(crate) fn logout_url(&self) -> String {
        match self.property("bigbluebutton.web.logoutURL").as_str() {
            "" | "default" => self.origin.to_string(),
            url => url.to_owned(),
        }
    }
}

/// `-Dname=value` words of a Java command line, the last one wins.
fn java_properties(options: &str) -> BTreeMap<String, String> {
    systemd::words(options)
        .iter()
        .filter_map(|word| word.strip_prefix("-D")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn grails_cors(java: &BTreeMap<String, String>) -> GrailsCors {
    let is_true = |name: &str| java.get(name).is_some_and(|value| value == "true");
    let origins = java.get("grails.cors.allowedOrigins").map_or("", String::as_str);
    GrailsCors {
        enabled: is_true("grails.cors.enabled"),
        allow_credentials: is_true("grails.cors.allowCredentials"),
        allowed_origins: origins
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

fn same_site(
    java: &BTreeMap<String, String>,
    application: &Properties,
    tree: &Value,
) -> Option<String> {
    const KEYS: [&str; 2] =
        ["server.servlet.session.cookie.same-site", "server.servlet.session.cookie.SameSite"];
    KEYS.iter()
        .find_map(|&key| {
            let nested = || {
                let pointer = format!("/{}", key.replace('.', "/"));
                tree.pointer(&pointer).and_then(Value::as_str).map(str::to_owned)
            };
            java.get(key).cloned().or_else(|| application.get(key)).or_else(nested)
        })
        .filter(|value| !value.is_empty())
}

/// Runs the server-level `set` and `if ($x = '')` directives in file order.
fn slide_origin(directives: &[Directive], line: Line) -> Result<String, ReadError> {
    let variable = match line {
        Line::V2_7 => "$bbb_loadbalancer_node",
        Line::V3_0 => "$bbb_cors_origin",
    };
    let set = |directive: &Directive, value: &mut String| -> Result<(), ReadError> {
        match (directive.arguments(), &directive.block) {
            ([name, new], None) => {
                if name == variable {
                    value.clone_from(new);
                }
                Ok(())
            }
            _ => Err(ReadError::NginxArguments { directive: directive.words.join(" ") }),
        }
    };
    let mut value = String::new();
    for directive in directives {
        match (directive.name(), &directive.block) {
            ("set", _) => set(directive, &mut value)?,
            ("if", Some(block)) => {
                // The condition `($x = '')` comes as words: "($x", "=", "')" or "''", ")".
                let condition = directive.arguments().concat();
                let tests_for_empty = condition.starts_with(&format!("({variable}="));
                if tests_for_empty && value.is_empty() {
                    for inner in block.iter().filter(|inner| inner.name() == "set") {
                        set(inner, &mut value)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(value)
}
