//! Azure DevOps, whose descriptions no registry has: Microsoft's own client reads the model.

use std::time::Duration;

use pilotage_mock::CiVendor;

use super::{provided, python};
use crate::platforms::{Told, azure::CONFIG};

/// A script that does with the model what its authors say that it does, and fails where that is not so.
const PYTHON_AZURE_DEVOPS: &str = include_str!("azure_devops.py");

#[tokio::test(flavor = "multi_thread")]
async fn an_official_client_accepts_azure_devops() {
    let how = "run `pip install --target FOLDER azure-devops==7.1.0b4`, and name the folder";
    let Some(packages) = provided("PILOTAGE_AZURE_DEVOPS_CLIENT", how) else {
        return;
    };
    let told = Told::new(CiVendor::AzureDevOps, Some(Duration::from_millis(5)), CONFIG).await;
    python(&told, &packages, PYTHON_AZURE_DEVOPS)
        .await
        .says(0, &["done"]);
}
