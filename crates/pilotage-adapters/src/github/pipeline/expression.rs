//! Values and conditions as GitHub's expressions.
//! Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/contexts>.

use pilotage_core::pipeline::{Pattern, Reference, Status, Template, Trigger, When};

/// Where the run is seen.
pub(super) const RUN_URL: &str =
    "${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}";

/// A template, for a place that no shell reads: `env`, `with`, `name`.
pub(super) fn text(template: &Template, is_container: bool) -> String {
    template.write(str::to_owned, |reference| value(reference, is_container))
}

fn value(reference: &Reference, is_container: bool) -> String {
    match reference {
        Reference::Matrix(axis) => format!("${{{{ matrix.{axis} }}}}"),
        // Nobody is asked when a push or a time starts the run.
        Reference::Input { name, default } => {
            format!("${{{{ inputs.{name} || '{}' }}}}", default.replace('\'', "''"))
        }
        Reference::Branch => "${{ github.head_ref || github.ref_name }}".to_owned(),
        Reference::Tag => "${{ github.ref_type == 'tag' && github.ref_name || '' }}".to_owned(),
        Reference::Sha => "${{ github.sha }}".to_owned(),
        Reference::Title => {
            "${{ github.event.head_commit.message || github.event.pull_request.title }}".to_owned()
        }
        Reference::RunNumber => "${{ github.run_number }}".to_owned(),
        Reference::RunUrl => RUN_URL.to_owned(),
        // A job in a container shares a network with its services; one on the machine reaches their mapped ports.
        Reference::ServiceHost(name) if is_container => name.clone(),
        Reference::ServiceHost(_) => "localhost".to_owned(),
    }
}

/// The condition of a job, if it has one.
pub(super) fn condition(when: &When) -> Option<String> {
    let refs = refs(when);
    let events: Vec<String> = when
        .events
        .iter()
        .map(|event| format!("github.event_name == '{}'", event_name(*event)))
        .collect();
    let mut parts: Vec<String> = status(when.status).map(str::to_owned).into_iter().collect();
    let many =
        usize::from(!parts.is_empty()) + usize::from(!refs.is_empty()) + usize::from(!events.is_empty()) > 1;
    parts.extend([refs, events].iter().filter(|any| !any.is_empty()).map(|any| {
        let joined = any.join(" || ");
        if many && any.len() > 1 {
            format!("({joined})")
        } else {
            joined
        }
    }));
    match parts.as_slice() {
        [] => None,
        // Without the braces YAML would take `!failure()` for a tag.
        _ => Some(format!("${{{{ {} }}}}", parts.join(" && "))),
    }
}

/// A function for the status; without one GitHub asks for success.
pub(super) const fn status(status: Status) -> Option<&'static str> {
    match status {
        Status::Success => None,
        Status::Failure => Some("failure()"),
        Status::UnlessFailed => Some("!failure() && !cancelled()"),
        Status::Always => Some("always()"),
    }
}

fn refs(when: &When) -> Vec<String> {
    let of = |kind: &str, patterns: &[Pattern]| -> Vec<String> {
        patterns
            .iter()
            .map(|pattern| match pattern {
                Pattern::Exact(name) => format!("github.ref == 'refs/{kind}/{name}'"),
                Pattern::Prefix(prefix) => format!("startsWith(github.ref, 'refs/{kind}/{prefix}')"),
            })
            .collect()
    };
    [of("heads", &when.branches), of("tags", &when.tags)].concat()
}

const fn event_name(event: Trigger) -> &'static str {
    match event {
        Trigger::Push => "push",
        Trigger::PullRequest => "pull_request",
        Trigger::Schedule => "schedule",
        Trigger::Manual => "workflow_dispatch",
    }
}
