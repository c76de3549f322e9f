//! Who may: users, who else proves them, permissions, and what they apply to.

use std::{path::Path, time::Duration};

use rtsp_server::{Access, Action, HttpCheck, Permission, Tokens, Who};
use rtsp_session::auth::Credentials;

use super::{
    Settings,
    document::{Place, Table},
    file,
};
use crate::users;

const ACCESS: [(&str, Access); 5] = [
    ("open", Access::Open),
    ("users", Access::Users),
    ("closed", Access::Closed),
    ("guarded", Access::Guarded),
    ("permissions", Access::Permitted),
];
/// Less would have everybody asked about again and again.
const LEAST_REFRESH: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// Longer nobody waits for an answer.
const MOST_PATIENCE: Duration = Duration::from_secs(30);
/// Whoever proves to be a user.
const ANY_USER: &str = "*";

pub(super) fn access(root: &mut Table<'_>, folder: &Path, settings: &mut Settings) {
    let config = &mut settings.config;
    if let Some(place) = root.place("realm")
        && let Some(realm) = place.text("a text")
    {
        if realm.is_empty()
            || realm
                .chars()
                .any(|letter| letter.is_control() || letter == '"')
        {
            place.wrong("expected a text without quotes and control characters");
        }
        config.realm = realm.to_owned();
    }
    let given = root.place("permission");
    let permissions = given
        .as_ref()
        .and_then(|it| it.list("tables: [[permission]]"));
    let has_permissions = permissions.is_some();
    if let Some(place) = &given {
        settings.origins.set("permission", place.origin());
    }
    config.permissions = permissions
        .iter()
        .flatten()
        .filter_map(permission)
        .collect();
    for (key, access) in [
        ("publish", &mut config.publish),
        ("read", &mut config.read),
        ("control", &mut config.control),
    ] {
        if let Some(place) = root.place(key) {
            settings.origins.set(key, place.origin());
            *access = place.word(&ACCESS).unwrap_or(*access);
        } else if has_permissions {
            *access = Access::Permitted;
        }
    }
    if let Some(clear) = root
        .place("cleartext_passwords")
        .and_then(|it| it.boolean())
    {
        config.cleartext_passwords = clear;
    }
    config.websocket_origins = websocket_origins(root.place("websocket_origins"));
    if let Some(place) = root.place("users") {
        named_users(&place, &mut config.users);
        settings.has_secrets = true;
    }
    if let Some(place) = root.place("users_file")
        && let Some(name) = place.text("a file")
    {
        let name = folder.join(name);
        match users::read(&name) {
            Ok(more) => {
                for user in more {
                    if config
                        .users
                        .iter()
                        .any(|known| known.username == user.username)
                    {
                        place.wrong(format_args!("{:?} is in [users] too", user.username));
                    }
                    config.users.push(user);
                }
                settings.users_file = Some(name);
            }
            Err(problems) => problems.iter().for_each(|problem| place.wrong(problem)),
        }
    }
}

/// `[check]` and `[tokens]`: others that prove users.
pub(super) fn provers(root: &mut Table<'_>, settings: &mut Settings) {
    if let Some(place) = root.place("check") {
        settings.config.check = check(&place);
        settings.has_secrets |= settings
            .config
            .check
            .as_ref()
            .is_some_and(|it| it.url.contains('@'));
    }
    if let Some(place) = root.place("tokens") {
        settings.config.tokens = tokens(&place);
    }
}

fn check(place: &Place<'_>) -> Option<HttpCheck> {
    let mut table = place.table("a table: [check]")?;
    let url = table.required("url").and_then(|it| url(&it));
    let mut check = HttpCheck::new(url.unwrap_or_default());
    if let Some(place) = table.place("timeout")
        && let Some(timeout) = place.duration(SECOND)
    {
        if timeout > MOST_PATIENCE {
            place.wrong("expected 30 s or less: peers wait for it");
        }
        check.timeout = timeout;
    }
    let remember = table
        .place("remember")
        .and_then(|it| it.duration(Duration::ZERO));
    check.remember = remember.unwrap_or(check.remember);
    table.finish();
    Some(check)
}

fn tokens(place: &Place<'_>) -> Option<Tokens> {
    let mut table = place.table("a table: [tokens]")?;
    let keys = table.required("keys").and_then(|it| url(&it));
    let mut tokens = Tokens::new(keys.unwrap_or_default());
    for (key, name) in [
        ("issuer", &mut tokens.issuer),
        ("audience", &mut tokens.audience),
        ("rights", &mut tokens.rights),
    ] {
        let text = table.place(key).and_then(|it| it.text("a text"));
        *name = text.map(str::to_owned);
    }
    let refresh = table
        .place("refresh")
        .and_then(|it| it.duration(LEAST_REFRESH));
    tokens.refresh = refresh.unwrap_or(tokens.refresh);
    table.finish();
    Some(tokens)
}

/// A URL is not shown: there may be a password in it.
fn url(place: &Place<'_>) -> Option<String> {
    let url = place.secret("a URL such as \"https://auth.example/rtsp\"")?;
    match rtsp_server::check_http_url(url) {
        Ok(()) => Some(url.to_owned()),
        Err(error) => {
            place.wrong(error);
            None
        }
    }
}

/// Sites whose pages may use the server.
fn websocket_origins(place: Option<Place<'_>>) -> Vec<String> {
    let what = "a site as browsers name it, such as \"https://example.com\", or \"*\"";
    let places = place.and_then(|it| it.list("a list of sites such as [\"https://example.com\"]"));
    let mut origins = Vec::new();
    for place in places.unwrap_or_default() {
        match place.text(what) {
            Some(site) if site == "*" || (site.contains("://") && !site.ends_with('/')) => {
                origins.push(site.to_owned());
            }
            Some(_) => place.wrong(format_args!("expected {what}")),
            None => {}
        }
    }
    origins
}

fn named_users(place: &Place<'_>, known: &mut Vec<Credentials>) {
    let Some(table) = place.table("a table of names and passwords: [users]") else {
        return;
    };
    for (name, place) in table.entries() {
        if name.is_empty() || name.contains(':') {
            place.wrong("a user's name has no colon, and is not empty");
        }
        if let Some(password) = place.secret("a password in quotes") {
            if let Err(problem) = users::check(password) {
                place.wrong(problem);
            }
            known.push(Credentials::new(name, password));
        }
    }
}

/// One `[[permission]]`. What it leaves out is everybody, everything, everywhere; so it has to say whose it is.
fn permission(place: &Place<'_>) -> Option<Permission> {
    let mut table = place.table("a table: [[permission]]")?;
    let user = table.place("user");
    let everybody = table.place("everybody");
    let who = match (&user, &everybody) {
        (Some(user), None) => user
            .text("a user's name, or \"*\" for every user")
            .map(|name| match name {
                ANY_USER => Who::Users,
                name => Who::User(name.to_owned()),
            }),
        (None, Some(everybody)) => match everybody.boolean() {
            Some(true) => Some(Who::Everybody),
            Some(false) => everybody.expected("true, or `user`"),
            None => None,
        },
        _ => {
            place.wrong("expected either `user` or `everybody = true`");
            None
        }
    };
    let actions = table
        .required("actions")
        .and_then(|it| it.list("a list such as [\"read\", \"publish\"]"));
    let actions = actions
        .iter()
        .flatten()
        .filter_map(|it| it.word(&Action::ALL.map(|action| (action.as_str(), action))))
        .collect();
    let paths = table
        .place("paths")
        .and_then(|it| it.list("a list of paths such as [\"/cams/*\"]"));
    let paths = paths
        .iter()
        .flatten()
        .filter_map(|it| file::pattern(it, false))
        .collect();
    let ranges = table
        .place("from")
        .and_then(|it| it.list("a list of addresses such as [\"192.0.2.0/24\"]"));
    let from = ranges.iter().flatten().filter_map(range).collect();
    table.finish();
    let mut permission = Permission::new(who?);
    permission.actions = actions;
    permission.paths = paths;
    permission.from = from;
    Some(permission)
}

fn range(place: &Place<'_>) -> Option<rtsp_server::AddressRange> {
    let text = place.text("an address, or addresses such as \"192.0.2.0/24\"")?;
    match text.parse() {
        Ok(range) => Some(range),
        Err(error) => {
            place.wrong(error);
            None
        }
    }
}
