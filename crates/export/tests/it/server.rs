//! The real servers: how each is started with the exported file, as a child in
//! the foreground, with all its files in one folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use bluegate_export::Software;
use bluegate_testkit::process::{Process, find_program};

/// Modules of Apache that the exported file names, and what any Apache has.
const APACHE_MODULES: [&str; 14] = [
    "mpm_event",
    "authz_core",
    "cache",
    "cache_disk",
    "headers",
    "http2",
    "mime",
    "proxy",
    "proxy_http",
    "reqtimeout",
    "rewrite",
    "setenvif",
    "socache_shmcb",
    "ssl",
];

/// A server program of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Nginx,
    Haproxy,
    Caddy,
    Apache,
}

impl Server {
    pub(crate) fn software(self) -> Software {
        match self {
            Self::Nginx => Software::Nginx,
            Self::Haproxy => Software::Haproxy,
            Self::Caddy => Software::Caddy,
            Self::Apache => Software::Apache,
        }
    }

    /// Its program, or a message that names the package to install.
    fn program(self) -> PathBuf {
        let (variable, name, package) = match self {
            Self::Nginx => ("BLUEGATE_TEST_NGINX", "nginx", "nginx-light"),
            Self::Haproxy => ("BLUEGATE_TEST_HAPROXY", "haproxy", "haproxy"),
            Self::Caddy => ("BLUEGATE_TEST_CADDY", "caddy", "caddy"),
            Self::Apache => ("BLUEGATE_TEST_APACHE", "apache2", "apache2-bin"),
        };
        // Users that are not root often have no /usr/sbin on their path.
        let usual = Path::new("/usr/sbin").join(name);
        find_program(variable, &[name]).ok().or_else(|| usual.is_file().then_some(usual)).unwrap_or_else(
            || panic!("there is no `{name}`: install the Debian package `{package}`, or set {variable}"),
        )
    }

    /// Starts it with the exported text.
    pub(crate) fn start(self, folder: &Path, exported: &str, port: u16) -> Process {
        let file = folder.join("exported");
        fs::write(&file, exported).unwrap();
        let mut command = Command::new(self.program());
        let shown = folder.display();
        match self {
            Self::Nginx => {
                let user = if is_root(folder) { "user root;\n" } else { "" };
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .iter()
                    .map(|kind| format!("    {kind}_temp_path {shown}/{kind};\n"))
                    .collect();
                let main = format!(
                    "{user}daemon off;\nworker_processes 1;\npid {shown}/pid;\n\
                     error_log stderr;\nevents {{}}\nhttp {{\n{temporary}    include {shown}/exported;\n}}\n"
                );
                fs::write(folder.join("main"), main).unwrap();
                command.arg("-p").arg(folder).args(["-e", "stderr", "-c"]).arg(folder.join("main"));
            }
            Self::Haproxy => {
                command.arg("-db").arg("-f").arg(file);
            }
            Self::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
                for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                    command.env(variable, folder);
                }
            }
            Self::Apache => {
                // Root becomes another user, who needs the folder.
                let open = fs::Permissions::from_mode(0o755);
                fs::set_permissions(folder, open).unwrap();
                let open = fs::Permissions::from_mode(0o777);
                fs::set_permissions(folder.join("cache"), open).unwrap();
                let modules: String = APACHE_MODULES
                    .iter()
                    .map(|name| {
                        format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                    })
                    .collect();
                let user = if is_root(folder) { "User www-data\nGroup www-data\n" } else { "" };
                let main = format!(
                    "{modules}{user}ServerRoot {shown}\nDefaultRuntimeDir {shown}\n\
                     PidFile {shown}/pid\nErrorLog {shown}/main-error.log\nServerName localhost\n\
                     TypesConfig /dev/null\nMutex pthread\nStartServers 1\nServerLimit 1\n\
                     Listen 127.0.0.1:{port}\nInclude {shown}/exported\n"
                );
                fs::write(folder.join("main"), main).unwrap();
                command.arg("-DFOREGROUND").arg("-f").arg(folder.join("main"));
            }
        }
        Process::spawn(command).unwrap()
    }
}

fn is_root(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(folder).unwrap().uid() == 0
}
