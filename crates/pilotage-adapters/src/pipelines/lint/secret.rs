//! What goes by the name of a secret.

/// Whether something called so is a secret, going by its name.
pub(super) fn names_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "CREDENTIAL",
        "WEBHOOK_URL",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

/// A line without the value of what goes by the name of a secret; names of variables and expressions are shown.
pub fn without_secrets(line: &str) -> String {
    let Some(at) = line.find([':', '=']) else {
        return line.to_owned();
    };
    let (name, value) = line.split_at(at);
    let named = value.contains('$') || value.len() < 3;
    if named || !names_secret(name) {
        return line.to_owned();
    }
    format!("{name}{} ***", value.chars().next().unwrap_or(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_may_be_a_secret_is_not_shown() {
        let table = [
            ("  API_TOKEN: abc", "  API_TOKEN: ***"),
            ("  API_TOKEN: ${{ secrets.A }}", "  API_TOKEN: ${{ secrets.A }}"),
            ("password = 'x y'", "password = ***"),
            ("  name: build", "  name: build"),
            ("secrets:", "secrets:"),
        ];
        for (line, shown) in table {
            assert_eq!(without_secrets(line), shown);
        }
    }
}
