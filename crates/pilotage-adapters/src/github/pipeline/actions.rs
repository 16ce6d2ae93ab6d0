//! The actions that rendered workflows use, each fixed by commit.
//!
//! Each commit is the one that the named tag of the action's own repository points to, read from a clone of it
//! (`git rev-parse TAG^{commit}`) in August 2026. To renew one, read its tag again; never take a commit from elsewhere.

/// An action at a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pin {
    /// Its repository, and the folder in it.
    pub(crate) action: &'static str,
    /// The commit.
    pub(crate) commit: &'static str,
    /// The tag that points to it.
    pub(crate) version: &'static str,
}

impl Pin {
    /// As a step uses it.
    pub(crate) fn uses(self) -> String {
        format!("{}@{}", self.action, self.commit)
    }
}

pub(crate) const CHECKOUT: Pin = Pin {
    action: "actions/checkout",
    commit: "3d3c42e5aac5ba805825da76410c181273ba90b1",
    version: "v7.0.1",
};
pub(crate) const CACHE: Pin = Pin {
    action: "actions/cache",
    commit: "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    version: "v5.0.5",
};
pub(crate) const UPLOAD: Pin = Pin {
    action: "actions/upload-artifact",
    commit: "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    version: "v7.0.0",
};
pub(crate) const DOWNLOAD: Pin = Pin {
    action: "actions/download-artifact",
    commit: "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    version: "v8.0.1",
};
pub(crate) const NODE: Pin = Pin {
    action: "actions/setup-node",
    commit: "820762786026740c76f36085b0efc47a31fe5020",
    version: "v7.0.0",
};
pub(crate) const PYTHON: Pin = Pin {
    action: "actions/setup-python",
    commit: "5fda3b95a4ea91299a34e894583c3862153e4b97",
    version: "v7.0.0",
};
pub(crate) const RUBY: Pin = Pin {
    action: "ruby/setup-ruby",
    commit: "0dafeac902942906541bc140009cdbf32665b601",
    version: "v1.315.0",
};
pub(crate) const GO: Pin = Pin {
    action: "actions/setup-go",
    commit: "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e",
    version: "v7.0.0",
};
pub(crate) const JAVA: Pin = Pin {
    action: "actions/setup-java",
    commit: "b6effb05e454b25005698d916606bdc6ffcbf961",
    version: "v5.7.0",
};
pub(crate) const LOGIN: Pin = Pin {
    action: "docker/login-action",
    commit: "4907a6ddec9925e35a0a9e82d7399ccc52663121",
    version: "v4.1.0",
};
pub(crate) const BUILDX: Pin = Pin {
    action: "docker/setup-buildx-action",
    commit: "37fe631027851001ddb9b187196cc803df7f5f0e",
    version: "v4.3.0",
};
pub(crate) const BUILD: Pin = Pin {
    action: "docker/build-push-action",
    commit: "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a",
    version: "v7.3.0",
};
pub(crate) const SARIF: Pin = Pin {
    action: "github/codeql-action/upload-sarif",
    commit: "8aad20d150bbac5944a9f9d289da16a4b0d87c1e",
    version: "v4.36.2",
};
