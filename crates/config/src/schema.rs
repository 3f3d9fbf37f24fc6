//! Every section and key of the file, as data.
//!
//! The reader refuses keys that are not here and suggests those that are; the
//! commented default file and the reference page are made from the same rows.
//! A data table: exempt from the usual length of a file.

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// `cluster` in `[cluster]`; `proxy.cache` for a table inside `[proxy]`.
    pub(crate) name: &'static str,
    /// Whether it is written `[[name]]`, once per thing.
    pub(crate) repeated: bool,
    /// What it configures.
    pub(crate) about: &'static str,
    /// Its keys, in the order they are shown.
    pub(crate) keys: &'static [Key],
}

/// One key of a section.
#[derive(Debug)]
pub(crate) struct Key {
    /// As written in the file.
    pub(crate) name: &'static str,
    /// What kind of value it takes, in words.
    pub(crate) kind: &'static str,
    /// Whether it must be given, and what holds when it is not.
    pub(crate) default: Default,
    /// An example, as TOML.
    pub(crate) example: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
}

/// What holds when a key is absent.
#[derive(Debug)]
pub(crate) enum Default {
    /// The key must be given.
    Required,
    /// The key must be given where this role runs.
    RequiredBy(&'static str),
    /// Nothing: the feature is off or found out otherwise.
    Absent,
    /// This value, as TOML.
    Value(&'static str),
}

const LISTEN: &str = "address or list of addresses";
const TLS: Key = Key {
    name: "tls",
    kind: "table",
    default: Default::Absent,
    example: r#"{ cert = "/etc/bluegate/tls/chain.pem", key = "/etc/bluegate/tls/key.pem" }"#,
    about: "Certificate chain and key as PEM files, followed as they are replaced; or \
            `{ acme = { contact = \"admin@example.org\" } }` for certificates of Let's Encrypt, \
            with `directory = \"https://...\"` for another authority and `directory_ca = \"/path.pem\"` \
            for one the system does not know. Without it the listener speaks HTTP in the clear.",
};

/// The keys inside a `tls` table.
pub(crate) const TLS_KEYS: &[&str] = &["acme", "cert", "key"];

/// The keys inside a `tls.acme` table.
pub(crate) const ACME_KEYS: &[&str] = &["contact", "directory", "directory_ca"];

const ACME_FOLDER: Key = Key {
    name: "acme_folder",
    kind: "path",
    default: Default::Value(r#""/var/lib/bluegate/acme""#),
    example: r#""/var/lib/bluegate/acme""#,
    about: "Where `tls = { acme = ... }` keeps its account and certificates. Several machines that \
            serve the same name may share it.",
};

pub(crate) const CLUSTER: Section = Section {
    name: "cluster",
    repeated: false,
    about: "What browsers see of the whole cluster.",
    keys: &[
        Key {
            name: "origin",
            kind: "origin",
            default: Default::Required,
            example: r#""https://bbb.example.org""#,
            about: "The one origin that serves the client of every node: scheme, host and port, no path.",
        },
        Key {
            name: "node_ca",
            kind: "path",
            default: Default::Absent,
            example: r#""/etc/bluegate/ca.pem""#,
            about: "A PEM file with certificate authorities to trust for nodes besides the system's.",
        },
    ],
};

pub(crate) const NODE: Section = Section {
    name: "node",
    repeated: true,
    about: "One BigBlueButton server.",
    keys: &[
        Key {
            name: "name",
            kind: "name",
            default: Default::Required,
            example: r#""bbb-01""#,
            about: "Its name, which is also its mount: the client is served under `/bbb-01/html5client/`.",
        },
        Key {
            name: "origin",
            kind: "origin",
            default: Default::Required,
            example: r#""https://bbb-01.example.org""#,
            about: "The node's own origin, which browsers reach directly for API, sockets and media.",
        },
        Key {
            name: "address",
            kind: "host:port",
            default: Default::Absent,
            example: r#""10.0.0.11:443""#,
            about: "Where to connect instead; TLS name and `Host` stay those of `origin`.",
        },
        Key {
            name: "secret_file",
            kind: "path",
            default: Default::RequiredBy("the scaler"),
            example: r#""/etc/bluegate/secrets/bbb-01""#,
            about: "The node's API secret (`bbb-conf --secret`), several one per line: the first signs. \
                    Needed by the scaler, never by the proxy.",
        },
        Key {
            name: "bbb",
            kind: "version",
            default: Default::Absent,
            example: r#""3.0""#,
            about: "The BBB release it runs. Without it the scaler goes by what the node tells, and the proxy takes the rules of every release together.",
        },
        Key {
            name: "proxied",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether the cluster's origin serves this node's client. `false` while the node still serves it itself.",
        },
        Key {
            name: "weight",
            kind: "number",
            default: Default::Value("1"),
            example: "1",
            about: "Its share of meetings beside other nodes: one with `2` carries twice the load of one with `1`. \
                    `bluegate node weight` changes it at run time.",
        },
        Key {
            name: "tags",
            kind: "text or list of texts",
            default: Default::Absent,
            example: r#"["gpu"]"#,
            about: "What create calls may ask for (`meta_server-tag` and others, see scaler.md). A node with tags gets \
                    only meetings that ask for one of them.",
        },
        Key {
            name: "max_meetings",
            kind: "number",
            default: Default::Absent,
            example: "40",
            about: "Most meetings on it; breakout rooms do not count.",
        },
        Key {
            name: "max_users",
            kind: "number",
            default: Default::Absent,
            example: "300",
            about: "Most users on it, those who are expected included. Nobody is kept from joining.",
        },
        Key {
            name: "max_meeting_users",
            kind: "number",
            default: Default::Absent,
            example: "200",
            about: "Most users that a meeting placed here may be expected to have.",
        },
    ],
};

pub(crate) const TENANT: Section = Section {
    name: "tenant",
    repeated: true,
    about: "One customer of the scaler: a frontend, or several with the same secret.",
    keys: &[
        Key {
            name: "name",
            kind: "name",
            default: Default::Required,
            example: r#""default""#,
            about: "Its name. Meeting IDs of the tenant `default` are the same on the nodes; those of others are encoded.",
        },
        Key {
            name: "secret_file",
            kind: "path",
            default: Default::Required,
            example: r#""/etc/bluegate/secrets/default""#,
            about: "Its secrets, one per line: the first signs, all verify.",
        },
        Key {
            name: "enabled",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether it may have new meetings. Those it has go on in any case, and can be joined and ended.",
        },
        Key {
            name: "hosts",
            kind: "host name or list of host names",
            default: Default::Absent,
            example: r#"["school-a.example.org"]"#,
            about: "Names of its own for the scaler's listener: under them only this tenant's secrets are \
                    taken. ACME fetches certificates for them at the start.",
        },
        Key {
            name: "limits",
            kind: "table",
            default: Default::Absent,
            example: "{ meetings = 100, users = { soft = 2000, hard = 2500 }, requests = 50 }",
            about: "How much it may have: `meetings` and `users` at the same time, `requests` per second at each \
                    scaler, `recordings` that are kept. A number is the hard limit, at which more is refused; above `soft` the log and the \
                    metrics say so.",
        },
        Key {
            name: "create",
            kind: "table",
            default: Default::Absent,
            example: r#"{ record = { set = false }, duration = { at_most = 120 }, disabledFeatures = { append = "polls" } }"#,
            about: "What is done to parameters of its create calls, in query and form: `set`, `default` (when \
                    absent or empty), `at_most`, `append` (to a list with commas), `remove = true`.",
        },
        Key {
            name: "join",
            kind: "table",
            default: Default::Absent,
            example: r#"{ userdata-bbb_skip_check_audio = { default = true } }"#,
            about: "The same for its join calls.",
        },
        Key {
            name: "presentation",
            kind: "URL or table",
            default: Default::Absent,
            example: r#""https://school-a.example.org/welcome.pdf""#,
            about: "The presentation of meetings whose creator brings none; \
                    `{ url = \"...\", name = \"welcome.pdf\" }` where the address does not end like a file.",
        },
        Key {
            name: "logo",
            kind: "URL",
            default: Default::Absent,
            example: r#""https://school-a.example.org/logo.png""#,
            about: "The logo of meetings whose creator gives none.",
        },
        Key {
            name: "welcome",
            kind: "text",
            default: Default::Absent,
            example: r#""Welcome to <b>%%CONFNAME%%</b>!""#,
            about: "The welcome message of meetings whose creator gives none.",
        },
        Key {
            name: "tags",
            kind: "table",
            default: Default::Absent,
            example: r#"{ required = ["gpu"], preferred = ["building-7"], avoided = ["old"] }"#,
            about: "What its meetings want of their nodes' tags: all of `required`; rather those of `preferred`, \
                    rather none of `avoided`.",
        },
    ],
};

pub(crate) const PROXY: Section = Section {
    name: "proxy",
    repeated: false,
    about: "The cluster's origin: relays the client of every node. Leave the section out where this role does not run.",
    keys: &[
        Key {
            name: "listen",
            kind: LISTEN,
            default: Default::Required,
            example: r#"["0.0.0.0:443", "[::]:443"]"#,
            about: "Addresses to accept browsers on.",
        },
        TLS,
        ACME_FOLDER,
        Key {
            name: "redirect_listen",
            kind: LISTEN,
            default: Default::Absent,
            example: r#"["0.0.0.0:80", "[::]:80"]"#,
            about: "Addresses that send browsers to the https origin, and answer HTTP-01 challenges of ACME.",
        },
        Key {
            name: "hsts",
            kind: "duration",
            default: Default::Absent,
            example: r#""180d""#,
            about: "How long browsers insist on https for the cluster's host (`Strict-Transport-Security`).",
        },
        Key {
            name: "access_log",
            kind: "path",
            default: Default::Absent,
            example: r#""/var/log/bluegate/access.jsonl""#,
            about: "One line per request, never with a query string or token. SIGHUP has it opened anew, after it was moved away.",
        },
        Key {
            name: "access_log_format",
            kind: "`json` or `combined`",
            default: Default::Value(r#""json""#),
            example: r#""json""#,
            about: "How these lines are written: as JSON, or in the combined form that web servers write and log tools read.",
        },
        Key {
            name: "access_log_ip",
            kind: "`truncate`, `hash` or `full`",
            default: Default::Value(r#""truncate""#),
            example: r#""truncate""#,
            about: "What they say of clients' addresses: the network (/24 of IPv4, /48 of IPv6), a keyed hash whose \
                    key never leaves the process and is replaced every day (UTC) and at each start, or all of it.",
        },
        Key {
            name: "connect_timeout",
            kind: "duration",
            default: Default::Value(r#""3s""#),
            example: r#""3s""#,
            about: "Longest wait for a connection to a node.",
        },
        Key {
            name: "response_timeout",
            kind: "duration",
            default: Default::Value(r#""15s""#),
            example: r#""15s""#,
            about: "Longest wait for the head of a node's answer.",
        },
        Key {
            name: "idle_timeout",
            kind: "duration",
            default: Default::Value(r#""60s""#),
            example: r#""60s""#,
            about: "Longest silence inside a body or a WebSocket.",
        },
        Key {
            name: "health_interval",
            kind: "duration",
            default: Default::Value(r#""10s""#),
            example: r#""10s""#,
            about: "How often a node that answered no request lately is asked for the head of its client's page. `0s`: never.",
        },
        Key {
            name: "health_timeout",
            kind: "duration",
            default: Default::Value(r#""5s""#),
            example: r#""5s""#,
            about: "Longest wait for that answer, connection included.",
        },
        Key {
            name: "drain",
            kind: "duration",
            default: Default::Value(r#""30s""#),
            example: r#""30s""#,
            about: "How long downloads and WebSockets may go on when this process stops or was replaced by a new one.",
        },
        Key {
            name: "node_requests",
            kind: "number",
            default: Default::Value("256"),
            example: "256",
            about: "Most requests in progress at one node; more wait a bounded time.",
        },
        Key {
            name: "connections",
            kind: "number",
            default: Default::Value("20000"),
            example: "20000",
            about: "Most browser connections at once. Lowered at the start to what the limit of open files leaves.",
        },
        Key {
            name: "client_connections",
            kind: "number",
            default: Default::Value("6000"),
            example: "6000",
            about: "Most connections at once of one client: an IPv4 address, or an IPv6 /64. A school \
                    behind one address has 1,000 users with up to six each.",
        },
        Key {
            name: "client_rate",
            kind: "number",
            default: Default::Value("50"),
            example: "50",
            about: "Most new connections per second of one client, in the long run.",
        },
        Key {
            name: "client_burst",
            kind: "number",
            default: Default::Value("6000"),
            example: "6000",
            about: "New connections that one client may open at once before `client_rate` holds.",
        },
        Key {
            name: "client_handshake_rate",
            kind: "number",
            default: Default::Value("25"),
            example: "25",
            about: "Most whole TLS handshakes per second of one client, in the long run; resumptions do not count.",
        },
        Key {
            name: "client_handshake_burst",
            kind: "number",
            default: Default::Value("6000"),
            example: "6000",
            about: "TLS handshakes that one client may make at once before `client_handshake_rate` holds.",
        },
        Key {
            name: "client_upstream_rate",
            kind: "number",
            default: Default::Value("100"),
            example: "100",
            about: "Most requests per second of one client that go on to a node, in the long run. Without a cache, `client_request_rate` where that is more.",
        },
        Key {
            name: "client_upstream_burst",
            kind: "number",
            default: Default::Value("20000"),
            example: "20000",
            about: "Such requests at once before `client_upstream_rate` holds. Without a cache, `client_request_burst` where that is more.",
        },
        Key {
            name: "client_request_rate",
            kind: "number",
            default: Default::Value("1000"),
            example: "1000",
            about: "Most requests per second of one client, whoever answers them, in the long run.",
        },
        Key {
            name: "client_request_burst",
            kind: "number",
            default: Default::Value("150000"),
            example: "150000",
            about: "Requests that one client may make at once before `client_request_rate` holds. Loading the client takes about 110.",
        },
        Key {
            name: "trusted_proxies",
            kind: "network or list of networks",
            default: Default::Absent,
            example: r#"["10.0.0.0/8"]"#,
            about: "Where balancers in front connect from. The last hop of `X-Forwarded-For` (or of \
                    `Forwarded`, where there is none) is believed from there, for logs and limits. \
                    Name the balancers, not networks with users in them.",
        },
        Key {
            name: "proxy_protocol",
            kind: "boolean",
            default: Default::Value("false"),
            example: "false",
            about: "Whether connections from `trusted_proxies` begin with a header of the PROXY protocol \
                    (version 1 or 2). Others then come without one, as ever.",
        },
        Key {
            name: "allow_nodes",
            kind: "host pattern, network or list of both",
            default: Default::Absent,
            example: r#"["*.example.org", "10.0.0.0/8"]"#,
            about: "What nodes may be added by the admin API: hosts of this name, below `*.` such a domain, or in \
                    such a network. Holds for a node's origin and for its address, each by itself. Without it \
                    none can be added. Changes with a reload.",
        },
        Key {
            name: "api",
            kind: "origin",
            default: Default::Absent,
            example: r#""https://api.example.org""#,
            about: "Where the proxy passes `/bigbluebutton/api` and `/t/`, and only those. Without it they are not \
                    found here. Not for a scaler on the same listener, which has them anyway.",
        },
        Key {
            name: "share_builds",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether browsers are told to reuse a file of one node for the same file of another (RFC 9842), \
                    so that joining on a second node loads next to nothing.",
        },
    ],
};

pub(crate) const PROXY_CACHE: Section = Section {
    name: "proxy.cache",
    repeated: false,
    about: "The proxy's memory of client files: one copy for all nodes that send the same bytes.",
    keys: &[
        Key {
            name: "enabled",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether there is a cache. Without it every request goes to its node.",
        },
        Key {
            name: "memory",
            kind: "size",
            default: Default::Value(r#""256MiB""#),
            example: r#""256MiB""#,
            about: "Bytes of all files and their compressed forms, each counted once. `0B` means no cache.",
        },
        Key {
            name: "max_object",
            kind: "size",
            default: Default::Value(r#""32MiB""#),
            example: r#""32MiB""#,
            about: "The largest file kept, and at most half of `memory`; larger ones stream through.",
        },
        Key {
            name: "folder",
            kind: "path",
            default: Default::Absent,
            example: r#""/var/cache/bluegate""#,
            about: "Where files and their compressed forms outlive a restart. Nodes are then asked whether they \
                    still hold, not for the files. Only Bluegate may write there.",
        },
        Key {
            name: "disk",
            kind: "size",
            default: Default::Value(r#""2GiB""#),
            example: r#""2GiB""#,
            about: "Bytes of `folder`; what was not used for longest goes.",
        },
        Key {
            name: "warm",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether a node's client is fetched before users ask for it, and looked after every 30 seconds.",
        },
    ],
};

pub(crate) const SCALER: Section = Section {
    name: "scaler",
    repeated: false,
    about: "The BBB API for all tenants. Leave the section out where this role does not run.",
    keys: &[
        Key {
            name: "origin",
            kind: "origin",
            default: Default::Required,
            example: r#""https://api.example.org""#,
            about: "The origin frontends reach the API at; a host of its own is advised.",
        },
        Key {
            name: "listen",
            kind: LISTEN,
            default: Default::Required,
            example: r#""127.0.0.1:8090""#,
            about: "Addresses to accept frontends on; may be the proxy's.",
        },
        TLS,
        ACME_FOLDER,
        Key {
            name: "store",
            kind: "URL",
            default: Default::Value(r#""sqlite:///var/lib/bluegate/bluegate.db""#),
            example: r#""sqlite:///var/lib/bluegate/bluegate.db""#,
            about: "Where meetings survive a restart: a file, or `postgres://USER@HOST/DATABASE` that several scalers share (password in `PGPASSWORD` or a pgpass file).",
        },
        Key {
            name: "key_file",
            kind: "path",
            default: Default::Absent,
            example: r#""/var/lib/bluegate/bluegate.db.key""#,
            about: "The key that seals secrets in the store and the callback URLs that nodes are given; made when it is \
                    not there. Without this line it is the store's file with `.key` behind its name, with PostgreSQL \
                    `/var/lib/bluegate/key`. Keep a copy, apart from copies of the store. All scalers of a store need \
                    the same one.",
        },
        Key {
            name: "callbacks",
            kind: "boolean",
            default: Default::Value("true"),
            example: "true",
            about: "Whether callbacks of nodes (meeting ended, recording ready, analytics) come to us and are \
                    passed on, signed for the tenant. Nodes must be able to reach `origin` then. See callbacks.md.",
        },
        Key {
            name: "callback_targets",
            kind: "host pattern, network or list of both",
            default: Default::Absent,
            example: r#"["*.intern.example.org", "10.0.0.0/8"]"#,
            about: "Frontends that may be called back though their addresses are private, loopback or otherwise not on \
                    the internet: hosts of this name, below `*.` such a domain, or in such a network.",
        },
        Key {
            name: "callback_ca",
            kind: "path",
            default: Default::Absent,
            example: r#""/etc/bluegate/frontends-ca.pem""#,
            about: "PEM file of CAs trusted for frontends that are called back, besides the system's; without it those of `node_ca` are.",
        },
        Key {
            name: "connect_timeout",
            kind: "duration",
            default: Default::Value(r#""3s""#),
            example: r#""3s""#,
            about: "Longest wait for a connection to a node.",
        },
        Key {
            name: "call_timeout",
            kind: "duration",
            default: Default::Value(r#""10s""#),
            example: r#""10s""#,
            about: "Longest wait for a node's answer to one call.",
        },
        Key {
            name: "poll_interval",
            kind: "duration",
            default: Default::Value(r#""2s""#),
            example: r#""2s""#,
            about: "How often each node is asked for its meetings: the age of what lists and loads are made from.",
        },
        Key {
            name: "lost_after",
            kind: "duration",
            default: Default::Value(r#""90s""#),
            example: r#""90s""#,
            about: "How long a node may be silent, while most others answer, before its meetings may be created anew elsewhere; at least five times `poll_interval`. `bluegate node lost NAME` does not wait for it.",
        },
        Key {
            name: "gate",
            kind: "`none` or `doctor`",
            default: Default::Value(r#""none""#),
            example: r#""doctor""#,
            about: "Whose verdict keeps a node from new meetings: with `doctor`, and a `[doctor]` section, a node with a fault that no more than a tenth of the others have; never more than a tenth of the nodes, one in clusters of 3 to 19, none in smaller ones.",
        },
        Key {
            name: "body_limit",
            kind: "bytes",
            default: Default::Value(r#""32MiB""#),
            example: r#""32MiB""#,
            about: "Largest request body; it is kept so that a call can be repeated.",
        },
    ],
};

pub(crate) const SCALER_PLACEMENT: Section = Section {
    name: "scaler.placement",
    repeated: false,
    about: "How a node is chosen for a new meeting: the one with the least load over its `weight`. See scaler.md.",
    keys: &[
        Key {
            name: "user_weight",
            kind: "number",
            default: Default::Value("1"),
            example: "1",
            about: "What each user counts, expected ones too.",
        },
        Key {
            name: "audio_weight",
            kind: "number",
            default: Default::Value("0.5"),
            example: "0.5",
            about: "What each user who can speak counts besides.",
        },
        Key {
            name: "video_weight",
            kind: "number",
            default: Default::Value("1"),
            example: "1",
            about: "What each camera counts besides.",
        },
        Key {
            name: "meeting_weight",
            kind: "number",
            default: Default::Value("2"),
            example: "2",
            about: "What each meeting counts besides its users.",
        },
        Key {
            name: "reserved_users",
            kind: "number",
            default: Default::Value("10"),
            example: "10",
            about: "Users expected in a meeting of whose ID no former meeting is known.",
        },
        Key {
            name: "reservation_lifetime",
            kind: "duration",
            default: Default::Value(r#""15m""#),
            example: r#""15m""#,
            about: "How long expected users are counted who do not come: less and less, evenly.",
        },
        Key {
            name: "slow_start",
            kind: "duration",
            default: Default::Value(r#""5m""#),
            example: r#""5m""#,
            about: "How long a node that is new, back or uncordoned gets less than its share: more and more, evenly. `0s`: at once.",
        },
    ],
};

pub(crate) const RECORDINGS: Section = Section {
    name: "recordings",
    repeated: false,
    about: "Recordings of all nodes, which the scaler lists as one server would. Works without this section. See recordings.md.",
    keys: &[
        Key {
            name: "interval",
            kind: "duration",
            default: Default::Value(r#""10m""#),
            example: r#""10m""#,
            about: "How often each node is asked for all its recordings, at least `10s`. With `callbacks`, a recording \
                    whose frontend wants to be told of it is known as soon as it is ready.",
        },
        Key {
            name: "delegate",
            kind: "origin",
            default: Default::Absent,
            example: r#""https://old-scalelite.example.org""#,
            about: "A Scalelite, or another balancer, that recordings were left with: what it has is listed with what \
                    the nodes have, and calls about it go there.",
        },
        Key {
            name: "delegate_secret_file",
            kind: "path",
            default: Default::Absent,
            example: r#""/etc/bluegate/secrets/old-scalelite""#,
            about: "File with its own secret (`LOADBALANCER_SECRET`).",
        },
    ],
};

pub(crate) const ADMIN: Section = Section {
    name: "admin",
    repeated: false,
    about: "The admin listener: health, metrics, routes and the cache, for `bluegate cache` and \
            `bluegate routes` too. See admin.md.",
    keys: &[
        Key {
            name: "listen",
            kind: LISTEN,
            default: Default::Value(r#""127.0.0.1:8091""#),
            example: r#""127.0.0.1:8091""#,
            about: "Addresses to accept administrators on, those of no other section; anything but loopback needs `tls`.",
        },
        Key {
            about: "Certificate chain and key as PEM files, followed as they are replaced.",
            ..TLS
        },
        Key {
            name: "token_file",
            kind: "path",
            default: Default::Required,
            example: r#""/etc/bluegate/secrets/admin""#,
            about: "The token that opens it. Several, one per line, all open it while one replaces another.",
        },
        Key {
            name: "routes_file",
            kind: "path",
            default: Default::Value(r#""/var/lib/bluegate/routes.json""#),
            example: r#""/var/lib/bluegate/routes.json""#,
            about: "Where the proxy's nodes that were added by the admin API are kept. Made when the first is added.",
        },
        Key {
            name: "scalelite_secret_file",
            kind: "path",
            default: Default::Absent,
            example: r#""/etc/bluegate/secrets/scalelite""#,
            about: "Answer Scalelite's own admin API, `/scalelite/api/*`, to who signs with a secret of this file \
                    (one per line), as its `LOADBALANCER_SECRET`. Without it there is no such API. A signature is \
                    good for ever and does not cover the body: for scripts that know nothing else. See \
                    scalelite-api.md.",
        },
    ],
};

pub(crate) const DOCTOR: Section = Section {
    name: "doctor",
    repeated: false,
    about: "Looking at the cluster from outside again and again, and at a node as soon as it serves \
            another client. What is found goes to the log, the metrics and `GET /v1/doctor`. Leave the \
            section out where this process does not look; `bluegate doctor` looks in any case. See doctor.md.",
    keys: &[Key {
        name: "interval",
        kind: "duration",
        default: Default::Value(r#""1h""#),
        example: r#""1h""#,
        about: "How often all nodes are looked at, at least `1m`. With their `secret_file` each look makes \
                one marked meeting per node, which no tenant sees.",
    }],
};

/// The keys inside a `scalelite` table.
pub(crate) const SCALELITE_KEYS: &[&str] = &["url", "secret_file"];

pub(crate) const BALANCER: Section = Section {
    name: "balancer",
    repeated: false,
    about: "What places meetings on the nodes where it is not our own scaler. `bluegate node apply --drain` and the \
            hook of `bluegate node install-hook` keep new meetings off a node with it, and with our own scaler \
            where the file has `[scaler]` and `[admin]`. All that are given are told. See nodeconf.md.",
    keys: &[
        Key {
            name: "scalelite",
            kind: "table",
            default: Default::Absent,
            example: r#"{ url = "https://scalelite.example.org", secret_file = "/etc/bluegate/secrets/scalelite" }"#,
            about: "Scalelite's own origin, and a file with its `LOADBALANCER_SECRET`. Its servers are told by \
                    their URLs, which begin with the origin of their node.",
        },
        Key {
            name: "cordon_command",
            kind: "shell command",
            default: Default::Absent,
            example: r#""/usr/local/sbin/balancer cordon $BLUEGATE_NODE""#,
            about: "Keeps new meetings off a node. Run by `sh` with `BLUEGATE_NODE` and `BLUEGATE_NODE_ORIGIN` set; \
                    another exit status than 0 means that it did not work. It may be run twice.",
        },
        Key {
            name: "uncordon_command",
            kind: "shell command",
            default: Default::Absent,
            example: r#""/usr/local/sbin/balancer uncordon $BLUEGATE_NODE""#,
            about: "Lets new meetings come again, run in the same way.",
        },
        Key {
            name: "drain_timeout",
            kind: "duration",
            default: Default::Value(r#""4h""#),
            example: r#""4h""#,
            about: "Longest wait for a node's meetings to end. A node that is not empty then stays cordoned and is \
                    not changed.",
        },
    ],
};

/// All sections, in the order they are shown.
pub(crate) const SECTIONS: [&Section; 11] = [
    &CLUSTER,
    &NODE,
    &TENANT,
    &PROXY,
    &PROXY_CACHE,
    &SCALER,
    &SCALER_PLACEMENT,
    &RECORDINGS,
    &ADMIN,
    &DOCTOR,
    &BALANCER,
];
