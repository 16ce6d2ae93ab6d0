//! A certificate that the mock makes for itself at its start. Nobody but a test should trust it.

use std::{net::IpAddr, sync::Arc};

use rcgen::CertifiedKey;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

use super::StartError;

pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// PEM.
    pub(super) certificate: String,
}

impl Tls {
    /// For `localhost`, 127.0.0.1, `::1` and the address that it listens on.
    pub(super) fn of(address: IpAddr) -> Result<Self, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::Tls(error.to_string());
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let own = address.to_string();
        if !names.contains(&own) {
            names.push(own);
        }
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map_err(|error| failed(&error))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: cert.pem(),
        })
    }
}
