//! Which call a path names. Pure.

use bluegate_bbb_api::Call;

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The tenant the path names, as it stands there.
    pub(crate) tenant: Option<String>,
    /// The call.
    pub(crate) call: Named,
}

/// A call by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// One that we know.
    Known(Call),
    /// One that a node may know.
    Unknown(String),
}

impl Named {
    /// The name on the wire.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Known(call) => call.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// Reads a path as it stands on the wire. One trailing slash is tolerated
/// (some clients send it); nothing is decoded, so nothing hides in escapes.
pub(crate) fn route(path: &str) -> Option<Route> {
    let (tenant, path) = match path.strip_prefix("/t/") {
        Some(rest) => {
            let (tenant, _) = rest.split_once('/')?;
            (Some(tenant.to_owned()), rest.strip_prefix(tenant)?)
        }
        None => (None, path),
    };
    let rest = path.strip_prefix("/bigbluebutton")?;
    if matches!(rest, "" | "/" | "/api" | "/api/") {
        return Some(Route { tenant, call: Named::Known(Call::Index) });
    }
    let name = rest.strip_prefix("/api/")?;
    let name = name.strip_suffix('/').unwrap_or(name);
    let call = match Call::named(name) {
        Some(call) => Named::Known(call),
        None if is_call_name(name) && !Call::resembles(name) => Named::Unknown(name.to_owned()),
        None => return None,
    };
    Some(Route { tenant, call })
}

fn is_call_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_calls_exactly() {
        let known = |call| Some((None, Named::Known(call)));
        for (path, wanted) in [
            ("/bigbluebutton", known(Call::Index)),
            ("/bigbluebutton/", known(Call::Index)),
            ("/bigbluebutton/api", known(Call::Index)),
            ("/bigbluebutton/api/", known(Call::Index)),
            ("/bigbluebutton/api/create", known(Call::Create)),
            ("/bigbluebutton/api/join/", known(Call::Join)),
            ("/t/physics/bigbluebutton/api/end", Some((Some("physics"), Named::Known(Call::End)))),
            ("/t/physics/bigbluebutton/api", Some((Some("physics"), Named::Known(Call::Index)))),
            ("/bigbluebutton/api/newCall", Some((None, Named::Unknown("newCall".into())))),
            ("/bigbluebutton/api/Create", None),
            ("/bigbluebutton/api/%63reate", None),
            ("/bigbluebutton/api/create//", None),
            ("/bigbluebutton/api//create", None),
            ("/bigbluebutton/api/hooks/create", None),
            ("/bigbluebutton/api/../create", None),
            ("/bigbluebuttonapi/create", None),
            ("/bigbluebutton/apicreate", None),
            ("/t/bigbluebutton/api/create", None),
            ("/t//bigbluebutton/api/create", Some((Some(""), Named::Known(Call::Create)))),
            ("/api/create", None),
            ("/", None),
        ] {
            let got = route(path).map(|route| (route.tenant, route.call));
            let wanted = wanted.map(|(tenant, call)| (tenant.map(str::to_owned), call));
            assert_eq!(got, wanted, "{path}");
        }
    }
}
