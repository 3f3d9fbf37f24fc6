//! What `bbb-web` knows.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use super::{ReadError, root::Files};
use crate::{
    cors::GrailsCors,
    files::{properties::Properties, systemd},
    release::Release,
    web_origin::WebOrigin,
};

/// The configuration in force since its start.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    /// `bigbluebutton.web.serverURL`.
    pub(crate) origin: WebOrigin,
    /// `securitySalt`.
    pub(crate) secret: String,
    /// All properties.
    pub(crate) properties: Properties,
    /// The cross-origin switches.
    pub(crate) cors: GrailsCors,
    /// `SameSite` of the session cookie, when somebody set one.
    pub(crate) same_site: Option<String>,
    /// `bbbWebPublicAPI` of `bbb-export-annotations.json`, on the few releases that read it.
    pub(crate) export_link_base: Option<String>,
}

impl Web {
    /// Reads `bigbluebutton.properties`, then `bbb-web.properties` (last key
    /// wins); the unit with its drop-ins, whose `EnvironmentFile`s win over
    /// `Environment` lines; and Spring's own settings, in properties or YAML.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        let files = Files { root };
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

        let variables = files.service_environment("bbb-web")?;
        let java = java_properties(variables.get("JDK_JAVA_OPTIONS").map_or("", String::as_str));
        let application = files
            .optional("/usr/share/bbb-web/WEB-INF/classes/application.properties")?
            .map(|text| Properties::parse(&text))
            .unwrap_or_default();
        let tree = files.optional_yaml("/usr/share/bbb-web/WEB-INF/classes/application.yml")?;
        // Before 2.6 nginx answers for the rule, and Java 8 knows no such variable.
        let cors = if release.has_api_cors_in_nginx() {
            GrailsCors::default()
        } else {
            grails_cors(&|key| spring(key, &java, &application, &tree))
        };
        Ok(Self {
            cors,
            same_site: same_site(&|key| spring(key, &java, &application, &tree)),
            export_link_base: export_link_base(&files, release)?,
            origin,
            secret,
            properties,
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

/// A setting of Spring: the command line wins over its files. Properties of
/// bbb-web's own files are none (BBB#16542).
fn spring(
    key: &str,
    java: &BTreeMap<String, String>,
    application: &Properties,
    tree: &Value,
) -> Option<String> {
    let nested = || match tree.pointer(&format!("/{}", key.replace('.', "/")))? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Array(values) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            Some(texts.join(","))
        }
        _ => None,
    };
    java.get(key).cloned().or_else(|| application.get(key)).or_else(nested)
}

/// `-Dname=value` words of a Java command line, the last one wins.
fn java_properties(options: &str) -> BTreeMap<String, String> {
    systemd::words(options)
        .iter()
        .filter_map(|word| word.strip_prefix("-D")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn grails_cors(setting: &dyn Fn(&str) -> Option<String>) -> GrailsCors {
    let is_true = |name: &str| setting(name).is_some_and(|value| value == "true");
    let origins = setting("grails.cors.allowedOrigins").unwrap_or_default();
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

fn same_site(setting: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    const KEYS: [&str; 2] =
        ["server.servlet.session.cookie.same-site", "server.servlet.session.cookie.SameSite"];
    KEYS.iter().find_map(|&key| setting(key)).filter(|value| !value.is_empty())
}

fn export_link_base(files: &Files<'_>, release: &Release) -> Result<Option<String>, ReadError> {
    let absolute = "/etc/bigbluebutton/bbb-export-annotations.json";
    if !release.has_export_link_setting() {
        return Ok(None);
    }
    let Some(text) = files.optional(absolute)? else { return Ok(None) };
    let value: Value = serde_json::from_str(&text)
        .map_err(|source| ReadError::ParseJson { path: files.path(absolute), source })?;
    Ok(value.get("bbbWebPublicAPI").and_then(Value::as_str).map(str::to_owned))
}
