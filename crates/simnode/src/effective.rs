//! What all of a node's files together say, read once at start.
//!
//! The order of precedence is each service's own: package defaults, then the
//! operator's override file; see [`Effective::read`] for the list.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    cors::{GrailsCors, HasuraCors},
    files::{
        environment,
        nginx::{self, Directive, NginxSyntaxError},
        properties::Properties,
        systemd::{self, ServiceEnvironment},
        yaml::{self, YamlError},
    },
    locations::{ClientLocations, DuplicateLocation},
    release::{Release, ReleaseError},
    web_origin::{WebOrigin, WebOriginError},
};

/// How deep nginx `include`s may nest.
const INCLUDE_DEPTH: usize = 4;

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
    /// `$bbb_cors_origin` as nginx ends up with it.
    pub(crate) slide_origin: String,
    /// `cluster_proxies` of `etherpad.json`.
    pub(crate) etherpad_proxies: Vec<String>,
    /// Where the client is served.
    pub(crate) locations: ClientLocations,
}

impl Effective {
    /// Reads everything below `root`:
    ///
    /// - `bigbluebutton-release`;
    /// - `bigbluebutton.properties`, then `bbb-web.properties` (last key wins);
    /// - `settings.yml`, then `bbb-html5.yml` (deep merge, arrays replaced);
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

        let settings = files.merged_yaml(
            "/usr/share/bigbluebutton/html5-client/private/config/settings.yml",
            "/etc/bigbluebutton/bbb-html5.yml",
            yaml::deep_merge,
        )?;
        let middleware = files.merged_yaml(
            "/usr/share/bbb-graphql-middleware/config.yml",
            "/etc/bigbluebutton/bbb-graphql-middleware.yml",
            yaml::merge_non_empty,
        )?;
        let middleware_origin = middleware
            .pointer("/server/authorized_cross_origin")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();

        let hasura = files.service_environment("bbb-graphql-server")?;
        let hasura_cors =
            HasuraCors::parse(hasura.get("HASURA_GRAPHQL_CORS_DOMAIN").map_or("*", String::as_str));

        let web = files.service_environment("bbb-web")?;
        let java = java_properties(web.get("JDK_JAVA_OPTIONS").map_or("", String::as_str));
        let application = files
            .optional("/usr/share/bbb-web/WEB-INF/classes/application.properties")?
            .map(|text| Properties::parse(&text))
            .unwrap_or_default();

        let nginx = files.nginx()?;
        Ok(Self {
            grails_cors: grails_cors(&java),
            same_site: same_site(&java, &application),
            slide_origin: slide_origin(&nginx)?,
            locations: ClientLocations::read(&nginx)?,
            etherpad_proxies: files.etherpad_proxies()?,
            release,
            origin,
            secret,
            properties,
            settings,
            hasura_cors,
            middleware_origin,
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

/// The files under a node's root folder.
struct Files<'a> {
    root: &'a Path,
}

impl Files<'_> {
    fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    fn optional(&self, absolute: &str) -> Result<Option<String>, ReadError> {
        let path = self.path(absolute);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::ReadFile { path, source }),
        }
    }

    fn required(&self, absolute: &str) -> Result<String, ReadError> {
        let path = self.path(absolute);
        fs::read_to_string(&path).map_err(|source| ReadError::ReadFile { path, source })
    }

    /// Files of a folder whose names end in `suffix`, sorted by name.
    fn folder(&self, absolute: &str, suffix: &str) -> Result<Vec<String>, ReadError> {
        let path = self.path(absolute);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ReadError::ReadFile { path, source }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(suffix))
            .map(|name| format!("{absolute}/{name}"))
            .collect();
        names.sort();
        Ok(names)
    }

    fn merged_yaml(
        &self,
        base: &str,
        overlay: &str,
        merge: fn(&mut Value, Value),
    ) -> Result<Value, ReadError> {
        let parse = |absolute: &str, text: &str| {
            yaml::parse(text)
                .map_err(|source| ReadError::ParseYaml { path: self.path(absolute), source })
        };
        let mut value = parse(base, &self.required(base)?)?;
        if let Some(text) = self.optional(overlay)? {
            merge(&mut value, parse(overlay, &text)?);
        }
        Ok(value)
    }

    fn service_environment(&self, service: &str) -> Result<BTreeMap<String, String>, ReadError> {
        let mut unit = ServiceEnvironment::default();
        for folder in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            if let Some(text) = self.optional(&format!("{folder}/{service}.service"))? {
                unit.read(&text);
                break;
            }
        }
        for folder in ["/usr/lib/systemd/system", "/etc/systemd/system"] {
            for drop_in in self.folder(&format!("{folder}/{service}.service.d"), ".conf")? {
                unit.read(&self.required(&drop_in)?);
            }
        }
        let mut variables = unit.variables;
        for file in &unit.files {
            if let Some(text) = self.optional(file)? {
                variables.extend(environment::parse(&text));
            }
        }
        Ok(variables)
    }

    fn etherpad_proxies(&self) -> Result<Vec<String>, ReadError> {
        let absolute = "/etc/bigbluebutton/etherpad.json";
        let Some(text) = self.optional(absolute)? else { return Ok(Vec::new()) };
        let value: Value = serde_json::from_str(&text)
            .map_err(|source| ReadError::ParseJson { path: self.path(absolute), source })?;
        let proxies = value.get("cluster_proxies").and_then(Value::as_array);
        Ok(proxies
            .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default())
    }

    fn nginx(&self) -> Result<Vec<Directive>, ReadError> {
        let mut directives = Vec::new();
        self.nginx_folder("/etc/bigbluebutton/nginx", INCLUDE_DEPTH, &mut directives)?;
        Ok(directives)
    }

    fn nginx_folder(
        &self,
        folder: &str,
        depth: usize,
        directives: &mut Vec<Directive>,
    ) -> Result<(), ReadError> {
        for file in self.folder(folder, ".nginx")? {
            let parsed = nginx::parse(&self.required(&file)?)
                .map_err(|source| ReadError::ParseNginx { path: self.path(&file), source })?;
            for directive in parsed {
                let included = match directive.arguments() {
                    [pattern] if directive.name() == "include" => pattern.strip_suffix("/*.nginx"),
                    _ => None,
                };
                match included {
                    Some(folder) if depth > 0 => {
                        self.nginx_folder(folder, depth - 1, directives)?;
                    }
                    Some(_) => {}
                    None => directives.push(directive),
                }
            }
        }
        Ok(())
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

fn same_site(java: &BTreeMap<String, String>, application: &Properties) -> Option<String> {
    const KEYS: [&str; 2] =
        ["server.servlet.session.cookie.same-site", "server.servlet.session.cookie.SameSite"];
    KEYS.iter()
        .find_map(|&key| java.get(key).cloned().or_else(|| application.get(key)))
        .filter(|value| !value.is_empty())
}

/// Runs the server-level `set` and `if ($x = '')` directives in file order.
fn slide_origin(directives: &[Directive]) -> Result<String, ReadError> {
    const VARIABLE: &str = "$bbb_cors_origin";
    fn set(directive: &Directive, value: &mut String) -> Result<(), ReadError> {
        match (directive.arguments(), &directive.block) {
            ([name, new], None) => {
                if name == VARIABLE {
                    value.clone_from(new);
                }
                Ok(())
            }
            _ => Err(ReadError::NginxArguments { directive: directive.words.join(" ") }),
        }
    }
    let mut value = String::new();
    for directive in directives {
        match (directive.name(), &directive.block) {
            ("set", _) => set(directive, &mut value)?,
            ("if", Some(block)) => {
                // The condition `($x = '')` comes as words: "($x", "=", "')" or "''", ")".
                let condition = directive.arguments().concat();
                let tests_for_empty = condition.starts_with(&format!("({VARIABLE}="));
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

#[cfg(test)]
mod tests;
