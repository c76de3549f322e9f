//! What the program is told, by its built-in defaults, a configuration file and the command line, in that order.

mod access;
mod document;
mod file;
mod multicast;
pub(crate) mod values;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use rtsp_server::{Access, Config, DEFAULT_TLS_PORT, Identity, TlsOptions, Who};

use crate::{
    arguments::{Arguments, TlsHow},
    logging, users,
};

/// Where the built-in clip plays, and what files are below.
const DEMO: &str = "/demo";
const FILES: &str = "/files/";

/// Everything that the program is told.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the library is told.
    pub(crate) config: Config,
    /// What is logged.
    pub(crate) log: String,
    /// Where readers are sent when the server ends; without it they are let go.
    pub(crate) redirect_to: Option<String>,
    /// What looks wrong and is not.
    pub(crate) warnings: Vec<String>,
    origins: Origins,
    /// The configuration file has passwords in it.
    has_secrets: bool,
    users_file: Option<PathBuf>,
}

/// The certificate that the command line names.
fn identity(arguments: &Arguments) -> Option<Identity> {
    match (&arguments.tls, &arguments.tls_cert, &arguments.tls_key) {
        (Some(TlsHow::SelfSigned), Some(certificate), Some(key)) => Some(Identity::Kept {
            names: Vec::new(),
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        (Some(TlsHow::SelfSigned), ..) => Some(Identity::SelfSigned { names: Vec::new() }),
        (None, Some(certificate), Some(key)) => Some(Identity::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        _ => None,
    }
}

/// Where TLS is alone unless it was said, and the names of a certificate that is made here.
fn complete_tls(config: &mut Config) {
    let Some(tls) = &mut config.tls else { return };
    if tls.listen.is_empty() {
        let mut hosts: Vec<IpAddr> = config.listen.iter().map(SocketAddr::ip).collect();
        hosts.sort();
        hosts.dedup();
        let all = hosts
            .into_iter()
            .map(|host| (host, DEFAULT_TLS_PORT).into());
        tls.listen = all.collect();
    }
    let (Identity::SelfSigned { names } | Identity::Kept { names, .. }) = &mut tls.identity else {
        return;
    };
    names.extend(["localhost", "127.0.0.1", "::1"].map(String::from));
    let hosts = config.listen.iter().chain(&tls.listen).map(SocketAddr::ip);
    names.extend(
        hosts
            .filter(|host| !host.is_unspecified())
            .map(|host| host.to_string()),
    );
    names.sort();
    names.dedup();
}

/// Where settings were given that have to fit others.
#[derive(Debug, Default)]
struct Origins(BTreeMap<String, String>);

impl Origins {
    fn set(&mut self, key: &str, origin: impl Into<String>) {
        self.0.insert(key.to_owned(), origin.into());
    }

    fn at(&self, key: &str) -> &str {
        self.0.get(key).map_or("default", String::as_str)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let mut config = Config::default();
        config.demo = true;
        Self {
            config,
            log: logging::DEFAULT.to_owned(),
            redirect_to: None,
            warnings: Vec::new(),
            origins: Origins::default(),
            has_secrets: false,
            users_file: None,
        }
    }
}

impl Settings {
    /// Reads and checks everything; or all that is wrong, a line each.
    pub(crate) fn load(arguments: &Arguments) -> Result<Self, Vec<String>> {
        let mut settings = Self::default();
        if let Some(file) = &arguments.config {
            file::load(file, &mut settings)?;
            if settings.has_secrets && users::is_public(file) {
                settings.warn_of_public(file);
            }
        }
        settings.apply(arguments)?;
        if let Some(file) = settings
            .users_file
            .clone()
            .filter(|file| users::is_public(file))
        {
            settings.warn_of_public(&file);
        }
        let problems = settings.contradictions();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }

    fn warn_of_public(&mut self, file: &std::path::Path) {
        self.warnings.push(format!(
            "{} holds passwords and everybody on this machine can read it: chmod o-r",
            file.display()
        ));
    }

    /// The command line comes before what is there.
    fn apply(&mut self, arguments: &Arguments) -> Result<(), Vec<String>> {
        let config = &mut self.config;
        if !arguments.listen.is_empty() {
            let all = arguments.listen.iter().flat_map(|listen| &listen.0);
            config.listen = all.copied().collect();
        }
        if let Some(identity) = identity(arguments) {
            self.origins.set("tls", "--tls");
            match &mut config.tls {
                Some(tls) => tls.identity = identity,
                none => *none = Some(TlsOptions::new(identity)),
            }
        }
        if !arguments.tls_listen.is_empty() {
            let all = arguments.tls_listen.iter().flat_map(|listen| &listen.0);
            match &mut config.tls {
                Some(tls) => tls.listen = all.copied().collect(),
                None => return Err(vec!["--tls-listen: there is no certificate: add --tls self-signed, or --tls-cert and --tls-key".into()]),
            }
        }
        if let Some(files) = &arguments.files {
            self.origins.set("files", "--files");
            config.files = Some(files.clone());
        }
        config.demo &= !arguments.no_demo;
        if let Some(who) = arguments.publish {
            self.origins.set("publish", "--publish");
            config.publish = who.access();
        }
        if let Some(who) = arguments.read {
            self.origins.set("read", "--read");
            config.read = who.access();
        }
        if let Some(start) = arguments.start {
            config.start = start.start();
        }
        if let Some(sealed) = arguments.srtp {
            config.srtp = sealed.srtp();
        }
        if let Some(ports) = arguments.udp_ports {
            config.udp_ports = ports;
        }
        if let Some(threads) = arguments.threads {
            config.threads = threads.into();
        }
        config.io_uring &= !arguments.no_io_uring;
        if let Some(target) = &arguments.redirect_to {
            self.redirect_to = Some(target.clone());
        }
        if let Some(log) = &arguments.log {
            self.log.clone_from(log);
        }
        if let Some(file) = &arguments.users {
            config.users = users::read(file)?;
            self.users_file = Some(file.clone());
        }
        let mut seen = Vec::new();
        config.listen.retain(|address| {
            let first = address.port() == 0 || !seen.contains(address);
            seen.push(*address);
            first
        });
        complete_tls(config);
        Ok(())
    }

    /// What is right by itself and wrong together.
    fn contradictions(&self) -> Vec<String> {
        let config = &self.config;
        let mut problems = Vec::new();
        for (key, access) in [
            ("publish", config.publish),
            ("read", config.read),
            ("control", config.control),
        ] {
            let others = config.check.is_some() || config.tokens.is_some();
            if access == Access::Users && config.users.is_empty() && !others {
                problems.push(format!(
                    "{}: {key}: \"users\" lets nobody in while there are no users: add a [users] table, `users_file`, \
                     --users FILE, [check] or [tokens]",
                    self.origins.at(key)
                ));
            }
        }
        let known = |name: &str| config.users.iter().any(|user| user.username == name);
        for permission in &config.permissions {
            if let Who::User(name) = &permission.who
                && !known(name)
            {
                problems.push(format!(
                    "{}: permission: there is no user {name:?}",
                    self.origins.at("permission")
                ));
            }
        }
        if let Some(files) = &config.files
            && let Err(error) = std::fs::read_dir(files)
        {
            problems.push(format!(
                "{}: files: expected a directory that can be read, found {}: {error}",
                self.origins.at("files"),
                files.display()
            ));
        }
        for pull in &config.pulls {
            let origin = self.origins.at(&pull.path);
            if let Err(error) = pull.trust.trust() {
                problems.push(format!("{origin}: trust: {error}"));
            }
            if config.demo && pull.path == DEMO {
                problems.push(format!(
                    "{origin}: path: {DEMO:?} is the built-in clip: choose another path, or set demo = false"
                ));
            }
            if config.files.is_some() && pull.path.starts_with(FILES) {
                problems.push(format!(
                    "{origin}: path: {FILES:?} is where files are served: choose another path"
                ));
            }
        }
        problems
    }
}
