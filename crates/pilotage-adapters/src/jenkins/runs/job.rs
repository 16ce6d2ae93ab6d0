//! Jobs within folders: as people write them, and where they lie.

use crate::runs::segment;

/// `folder/job` as Jenkins' address; `None` for what is none.
pub(super) fn job_path(job: &str) -> Option<String> {
    let parts: Vec<&str> = job.split('/').filter(|part| !part.is_empty()).collect();
    let is_one = !parts.is_empty() && parts.iter().all(|part| *part != "." && *part != "..");
    // A branch's job keeps its encoding.
    let encoded = |part: &&str| {
        if part.contains('%') {
            part.replace('%', "%25")
        } else {
            segment(part)
        }
    };
    let join = |path: String, part: &&str| path + "/job/" + &encoded(part);
    is_one.then(|| parts.iter().fold(String::new(), join))
}

/// The job of an address as people write it.
pub(crate) fn shown_job(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let names: Vec<String> = parts
        .enumerate()
        // `/job/NAME/job/NAME`
        .filter(|(at, _)| at % 2 == 1)
        .map(|(_, name)| {
            percent_encoding::percent_decode_str(name)
                .decode_utf8_lossy()
                .into_owned()
        })
        .collect();
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_paths_and_lead_nowhere_else() {
        let table = [
            ("shop", Some("/job/shop")),
            ("acme/shop", Some("/job/acme/job/shop")),
            ("/acme/my shop/", Some("/job/acme/job/my%20shop")),
            ("acme/feature%2Fx", Some("/job/acme/job/feature%252Fx")),
            ("a/../b", None),
            ("", None),
        ];
        for (job, expected) in table {
            assert_eq!(job_path(job).as_deref(), expected, "{job}");
        }
        assert_eq!(shown_job("/job/acme/job/my%20shop"), "acme/my shop");
        assert_eq!(shown_job("/job/acme/job/feature%252Fx"), "acme/feature%2Fx");
    }
}
