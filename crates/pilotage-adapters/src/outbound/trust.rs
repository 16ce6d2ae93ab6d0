use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, TrustAnchor},
};

/// The certificates of the operating system, or nothing where it has none.
///
/// The operating system's list decides, so that an organisation's own authority works and one that the administrator
/// took out stays out. `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
pub(super) fn root_certificates() -> Vec<CertificateDer<'static>> {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::debug!(%error, "a root certificate of the operating system cannot be read");
    }
    loaded.certs
}

/// The roots to trust: the operating system's, or Mozilla's as compiled in where that has none (a bare container).
pub(super) fn root_store() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(root_certificates());
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().map(TrustAnchor::to_owned));
    }
    store
}
