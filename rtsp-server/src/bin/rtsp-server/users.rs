//! A file of users: `NAME:PASSWORD`, one a line. The password may be its Argon2id hash.

use std::path::Path;

use rtsp_session::auth::Credentials;

/// Reads such a file. What is wrong is told by file and line; what stands there is not shown.
pub(crate) fn read(file: &Path) -> Result<Vec<Credentials>, Vec<String>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| vec![format!("{}: cannot be read: {error}", file.display())])?;
    parse(&text).map_err(|problems| {
        let show = |(line, what)| format!("{}:{line}: {what}", file.display());
        problems.into_iter().map(show).collect()
    })
}

/// Empty lines and those that begin with `#` say nothing. A password is all that stands behind the first colon.
fn parse(text: &str) -> Result<Vec<Credentials>, Vec<(usize, &'static str)>> {
    let mut users: Vec<Credentials> = Vec::new();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                if users.iter().any(|user| user.username == name) {
                    problems.push((number + 1, "this user was named before"));
                }
                if let Err(problem) = check(password) {
                    problems.push((number + 1, problem));
                }
                users.push(Credentials::new(name, password));
            }
            _ => problems.push((number + 1, "expected NAME:PASSWORD")),
        }
    }
    if users.is_empty() && problems.is_empty() {
        problems.push((1, "expected at least one line NAME:PASSWORD"));
    }
    if problems.is_empty() {
        Ok(users)
    } else {
        Err(problems)
    }
}

/// What begins like a hash has to be one that can be used.
pub(crate) fn check(password: &str) -> Result<(), &'static str> {
    match password.starts_with("$argon2") {
        true => rtsp_server::check_password_hash(password),
        false => Ok(()),
    }
}

/// Whether others than its owner and group can read a file that holds passwords.
pub(crate) fn is_public(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_by_line() {
        let users = parse("# who may publish\n\nann:se:cret \nbob:x\r\n").unwrap();
        assert_eq!(
            users,
            [
                Credentials::new("ann", "se:cret "),
                Credentials::new("bob", "x")
            ]
        );
    }

    #[test]
    fn mistakes_have_their_line() {
        let lines = |text| -> Vec<usize> {
            let problems = parse(text).unwrap_err();
            problems.into_iter().map(|(line, _)| line).collect()
        };
        assert_eq!(lines("ann:x\nbob\n:y\ncarl:\n"), [2, 3, 4]);
        assert_eq!(lines("ann:x\nann:y\n"), [2]);
        assert_eq!(lines("# nobody\n"), [1]);
        assert_eq!(lines("ann:$argon2id$v=19$m=1\n"), [1]);
    }
}
