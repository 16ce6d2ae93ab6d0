use super::{MAX_ITEMS, Sheet, is_answer, is_id};
use crate::{
    config::{Problem, pointer_segment},
    pipeline::{Input, InputFile, InputKind, PipelineFile, Push, Schedule, Triggers},
};

pub(super) fn triggers(file: &PipelineFile, sheet: &mut Sheet<'_>) -> Triggers {
    let on = &file.on;
    let any =
        on.push.is_some() || on.pull_request.is_some() || on.manual.is_some() || !on.schedules.is_empty();
    sheet.require(
        any,
        "/on",
        "something has to start the pipeline: push, pullRequest, schedules or manual",
    );
    let push = on.push.as_ref().map(|push| Push {
        branches: sheet.patterns("/on/push/branches", &push.branches),
        tags: sheet.patterns("/on/push/tags", &push.tags),
    });
    let pull_request = on
        .pull_request
        .as_ref()
        .map(|request| sheet.patterns("/on/pullRequest/branches", &request.branches));
    let schedules = schedules(file, sheet);
    let manual = on.manual.as_ref().map(|manual| {
        sheet.require(
            manual.inputs.len() <= 25,
            "/on/manual/inputs",
            "at most 25 inputs, which is what GitHub takes",
        );
        manual
            .inputs
            .iter()
            .map(|(name, written)| (name.clone(), input(name, written, sheet)))
            .collect()
    });
    Triggers {
        push,
        pull_request,
        schedules,
        manual,
    }
}

fn schedules(file: &PipelineFile, sheet: &mut Sheet<'_>) -> Vec<Schedule> {
    sheet.require(
        file.on.schedules.len() <= MAX_ITEMS,
        "/on/schedules",
        "at most 250 times",
    );
    let mut schedules = Vec::new();
    for (place, written) in file.on.schedules.iter().enumerate() {
        let pointer = format!("/on/schedules/{place}");
        sheet.require(
            is_cron(&written.cron),
            &format!("{pointer}/cron"),
            "five fields are expected, minute hour day month weekday, such as `0 3 * * 1`",
        );
        let branch = written.branch.clone().unwrap_or_else(|| "main".to_owned());
        sheet.word(&format!("{pointer}/branch"), &branch);
        schedules.push(Schedule {
            cron: written.cron.clone(),
            branch,
        });
    }
    schedules
}

/// Numbers, `*`, lists, ranges and steps, each within what its field takes; names of months and days are not portable.
pub(in crate::pipeline) fn is_cron(text: &str) -> bool {
    const LIMITS: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let fields: Vec<&str> = text.split(' ').collect();
    fields.len() == LIMITS.len()
        && fields
            .iter()
            .zip(LIMITS)
            .all(|(field, limits)| field.split(',').all(|item| is_cron_item(item, limits)))
}

fn is_cron_item(item: &str, (low, high): (u32, u32)) -> bool {
    let (range, step) = item.split_once('/').unwrap_or((item, "1"));
    let number = |text: &str| {
        let fits = text.len() <= 2 && text.chars().all(|letter| letter.is_ascii_digit());
        text.parse::<u32>()
            .ok()
            .filter(|number| fits && (low..=high).contains(number))
    };
    let step_fits = step
        .parse::<u32>()
        .is_ok_and(|step| (1..=high.max(1)).contains(&step));
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => number(range).is_some(),
    };
    step_fits && range_fits
}

fn input(name: &str, written: &InputFile, sheet: &mut Sheet<'_>) -> Input {
    let pointer = format!("/on/manual/inputs/{}", pointer_segment(name));
    if !is_id(name) {
        sheet.problems.push(Problem::at_key(&pointer, super::ID_RULE));
    }
    let is_choice = written.kind == InputKind::Choice;
    sheet.require(
        is_choice != written.options.is_empty(),
        &format!("{pointer}/options"),
        "`options` are what a `choice` is made of, and of nothing else",
    );
    sheet.require(
        is_answer(written.kind, &written.default.0, &written.options),
        &format!("{pointer}/default"),
        "this is no answer of that type",
    );
    for (place, option) in written.options.iter().enumerate() {
        sheet.line(&format!("{pointer}/options/{place}"), &option.0);
    }
    let description = written.description.clone().unwrap_or_default();
    if !description.is_empty() {
        sheet.line(&format!("{pointer}/description"), &description);
    }
    Input {
        kind: written.kind,
        description,
        default: written.default.0.clone(),
        options: written.options.iter().map(|option| option.0.clone()).collect(),
    }
}
