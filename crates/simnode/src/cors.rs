//! The three cross-origin rules of a node, each as its own service enforces it.
//!
//! bbb-web (Grails on Spring), the GraphQL engine (Hasura) and the GraphQL
//! middleware disagree on almost everything: whether a foreign origin is an
//! error or merely unanswered, whether a scheme belongs in the setting, and
//! whether wildcards exist. A wrong setting must fail here as it fails there.

use http::{HeaderMap, HeaderValue, Method, header};

use crate::web_origin::WebOrigin;

/// bbb-web's `grails.cors.*`, from `JDK_JAVA_OPTIONS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GrailsCors {
    /// `grails.cors.enabled`; when off no header is ever sent and nothing refused.
    pub(crate) enabled: bool,
    /// `grails.cors.allowCredentials`.
    pub(crate) allow_credentials: bool,
    /// `grails.cors.allowedOrigins`; empty is Grails' default, any origin.
    pub(crate) allowed_origins: Vec<String>,
}

/// What bbb-web does with a request that carries an `Origin`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GrailsVerdict {
    /// Go on; add these headers to the answer.
    Proceed(HeaderMap),
    /// Answer a preflight with these headers and nothing else.
    Preflight(HeaderMap),
    /// 403 `Invalid CORS request`.
    Refuse,
    /// 500: any origin together with credentials is an error in Spring.
    Misconfigured,
}

impl GrailsCors {
    /// Judges one request. nginx hands bbb-web the Host `127.0.0.1:8090`, so the
    /// node's own origin is foreign as well and has to be in the list.
    pub(crate) fn judge(&self, method: &Method, request: &HeaderMap) -> GrailsVerdict {
        let Some(origin) = request.get(header::ORIGIN) else {
            return GrailsVerdict::Proceed(HeaderMap::new());
        };
        if !self.enabled {
            return GrailsVerdict::Proceed(HeaderMap::new());
        }
        let any = self.allowed_origins.is_empty()
            || self.allowed_origins.iter().any(|allowed| allowed == "*");
        if any && self.allow_credentials {
            return GrailsVerdict::Misconfigured;
        }
        let listed = origin.to_str().is_ok_and(|origin| {
            self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        });
        if !any && !listed {
            return GrailsVerdict::Refuse;
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            header::VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        );
        let allowed = if any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.allow_credentials {
            headers
                .insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        let Some(wanted) = request.get(header::ACCESS_CONTROL_REQUEST_METHOD) else {
            return GrailsVerdict::Proceed(headers);
        };
        if *method != Method::OPTIONS {
            return GrailsVerdict::Proceed(headers);
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, wanted.clone());
        if let Some(names) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1800"));
        GrailsVerdict::Preflight(headers)
    }
}

/// Hasura's `HASURA_GRAPHQL_CORS_DOMAIN`: origins with their scheme, separated
/// by commas; `*` (its default) mirrors any origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HasuraCors {
    domains: Vec<String>,
}

impl HasuraCors {
    /// Reads the variable's value.
    pub(crate) fn parse(value: &str) -> Self {
        let domains = value.split(',').map(str::trim).filter(|domain| !domain.is_empty());
        Self { domains: domains.map(str::to_ascii_lowercase).collect() }
    }

    /// The headers for this request's origin; none at all for a foreign one,
    /// which is then answered as if nothing were wrong.
    pub(crate) fn headers(&self, method: &Method, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(origin) = request.get(header::ORIGIN) else { return headers };
        let allowed = origin.to_str().is_ok_and(|origin| self.allows(&origin.to_ascii_lowercase()));
        if !allowed {
            return headers;
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let credentials = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        if *method == Method::OPTIONS {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET,POST,PUT,PATCH,DELETE,OPTIONS"),
            );
            if let Some(names) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1728000"));
        }
        headers
    }

    fn allows(&self, origin: &str) -> bool {
        self.domains.iter().any(|domain| match domain.split_once("://*.") {
            _ if domain == "*" => true,
            // A wildcard stands for exactly one label.
            Some((scheme, parent)) => origin
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_prefix("://"))
                .and_then(|rest| rest.strip_suffix(parent))
                .and_then(|label| label.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            None => domain == origin,
        })
    }
}

/// Whether the GraphQL middleware lets a WebSocket of this origin in: no origin
/// at all, one equal to the request's Host, or one whose host and port match
/// `server.authorized_cross_origin` (a pattern without scheme).
pub(crate) fn middleware_accepts(pattern: &str, origin: Option<&str>, host: &str) -> bool {
    let Some(origin) = origin else { return true };
    // A scheme's own port never stands in an Origin header: compare as written.
    let Ok(origin) = WebOrigin::parse(origin) else { return false };
    origin.authority().eq_ignore_ascii_case(host)
        || !pattern.is_empty() && matches_glob(&pattern.to_ascii_lowercase(), origin.authority())
}

/// Go's `path.Match` for `*` (anything but a slash) and `?`.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len())
            .filter_map(|skip| text.split_at_checked(skip))
            .take_while(|(skipped, _)| !skipped.contains('/'))
            .any(|(_, rest)| matches_glob(pattern_rest.as_str(), rest)),
        Some(wanted) => {
            let mut text_rest = text.chars();
            text_rest.next().is_some_and(|character| {
                (wanted == '?' && character != '/' || wanted == character)
                    && matches_glob(pattern_rest.as_str(), text_rest.as_str())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, header};

    use super::{GrailsCors, GrailsVerdict, HasuraCors, middleware_accepts};

    fn request(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn grails_refuses_origins_outside_its_list_even_its_own() {
        let cors = GrailsCors {
            enabled: true,
            allow_credentials: true,
            allowed_origins: vec!["https://bbb.example.org".into()],
        };
        let verdict = cors.judge(&Method::GET, &request("https://bbb.example.org"));
        let GrailsVerdict::Proceed(headers) = verdict else { panic!("{verdict:?}") };
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://bbb.example.org");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        for foreign in [
            "https://bbb-01.example.org",
            "http://bbb.example.org",
            "https://bbb.example.org:8443",
            "null",
        ] {
            assert_eq!(
                cors.judge(&Method::GET, &request(foreign)),
                GrailsVerdict::Refuse,
                "{foreign}"
            );
        }
        let none = HeaderMap::new();
        assert_eq!(cors.judge(&Method::GET, &none), GrailsVerdict::Proceed(HeaderMap::new()));
    }

    #[test]
    fn grails_switched_off_sends_nothing() {
        let verdict = GrailsCors::default().judge(&Method::GET, &request("https://evil.example"));
        assert_eq!(verdict, GrailsVerdict::Proceed(HeaderMap::new()));
    }

    #[test]
    fn grails_preflight_names_method_and_headers() {
        let cors = GrailsCors {
            enabled: true,
            allow_credentials: false,
            allowed_origins: vec!["https://a.example".into()],
        };
        let mut headers = request("https://a.example");
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, "POST".parse().unwrap());
        let verdict = cors.judge(&Method::OPTIONS, &headers);
        let GrailsVerdict::Preflight(answer) = verdict else { panic!("{verdict:?}") };
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn grails_cannot_combine_any_origin_with_credentials() {
        let cors = GrailsCors {
            enabled: true,
            allow_credentials: true,
            allowed_origins: vec!["*".into()],
        };
        let verdict = cors.judge(&Method::GET, &request("https://a.example"));
        assert_eq!(verdict, GrailsVerdict::Misconfigured);
    }

    #[test]
    fn hasura_wants_the_scheme_and_stays_silent_otherwise() {
        let table = [
            ("*", "https://a.example", true),
            ("https://a.example", "https://a.example", true),
            ("a.example", "https://a.example", false),
            ("https://a.example", "http://a.example", false),
            ("https://a.example/", "https://a.example", false),
            ("https://*.example.org", "https://bbb.example.org", true),
            ("https://*.example.org", "https://x.bbb.example.org", false),
            ("https://b.example, https://a.example", "https://a.example", true),
            ("http://a.localhost:8080", "http://a.localhost:8080", true),
            ("http://a.localhost", "http://a.localhost:8080", false),
        ];
        for (value, origin, allowed) in table {
            let headers = HasuraCors::parse(value).headers(&Method::GET, &request(origin));
            assert_eq!(
                headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN),
                allowed,
                "{value} {origin}"
            );
        }
    }

    #[test]
    fn middleware_compares_host_and_port_without_scheme() {
        let table = [
            ("", None, "node.example", true),
            ("", Some("https://node.example"), "node.example", true),
            ("", Some("https://bbb.example"), "node.example", false),
            ("bbb.example", Some("https://bbb.example"), "node.example", true),
            ("https://bbb.example", Some("https://bbb.example"), "node.example", false),
            ("bbb.localhost", Some("http://bbb.localhost:8080"), "node:1", false),
            ("bbb.localhost:8080", Some("http://bbb.localhost:8080"), "node:1", true),
            ("*.example", Some("https://bbb.example"), "node", true),
            ("bbb-0?.example", Some("https://bbb-01.example"), "node", true),
            ("bbb.example", Some("https://bbb.example.evil"), "node", false),
            ("*", Some("not an origin"), "node", false),
        ];
        for (pattern, origin, host, expected) in table {
            assert_eq!(
                middleware_accepts(pattern, origin, host),
                expected,
                "{pattern} {origin:?} {host}"
            );
        }
    }
}
