use std::fmt;

/// Attributes whose values are keys (RFC 4567, RFC 4568).
const SECRETS: [&str; 2] = ["key-mgmt", "crypto"];

/// One `a=` line: a property (`a=recvonly`) or a value (`a=control:trackID=0`), RFC 8866 §5.13. `Debug` does not show keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// What stands before the colon.
    pub name: String,
    /// What stands behind the colon; `None` for a property attribute.
    pub value: Option<String>,
}

impl Attribute {
    /// A property attribute, `a=NAME`.
    pub fn property(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
        }
    }

    /// A value attribute, `a=NAME:VALUE`.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
        }
    }

    /// Whether this is the attribute `name`. ASCII case does not matter, because peers vary it.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = SECRETS.iter().any(|name| self.is(name));
        let shown = self
            .value
            .as_deref()
            .map(|value| if secret { "…" } else { value });
        f.debug_struct("Attribute")
            .field("name", &self.name)
            .field("value", &shown)
            .finish()
    }
}

/// The value of the first attribute `name` that has one.
pub(crate) fn first_value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .filter(|attribute| attribute.is(name))
        .find_map(|attribute| attribute.value.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown() {
        for name in ["key-mgmt", "crypto", "Crypto"] {
            let shown = format!("{:?}", Attribute::new(name, "mikey AQAF"));
            assert!(shown.contains(name) && !shown.contains("AQAF"), "{shown}");
        }
        assert!(format!("{:?}", Attribute::new("control", "v")).contains("\"v\""));
    }
}
