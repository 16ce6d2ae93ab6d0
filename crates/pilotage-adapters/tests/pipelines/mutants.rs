//! Files with one fault each: what our checks find of them. The clean files are those of the example, as rendered.

use pilotage_adapters::pipelines::{
    lint::{Dialect, lint},
    platform,
};

use crate::example;

/// What is changed, and into what.
type Fault = (&'static str, &'static str, &'static str);

const GITHUB: &[Fault] = &[
    (
        "unknown key of a job",
        "    timeout-minutes: 10\n",
        "    timeout-minute: 10\n",
    ),
    ("unknown need", "needs: [test, scan]", "needs: [test, scam]"),
    (
        "cycle",
        "  lint:\n    name:",
        "  lint:\n    needs: [image]\n    name:",
    ),
    (
        "unknown axis",
        "SUITE: ${{ matrix.suite }}",
        "SUITE: ${{ matrix.sweet }}",
    ),
    (
        "double quotes in an expression",
        "github.ref == 'refs/heads/develop' }}",
        "github.ref == \"refs/heads/develop\" }}",
    ),
    (
        "no runs-on",
        "    runs-on: ubuntu-24.04\n    timeout-minutes: 10\n",
        "    timeout-minutes: 10\n",
    ),
    (
        "run and uses",
        "        run: npm run lint\n",
        "        run: npm run lint\n        uses: actions/checkout@v4\n",
    ),
    ("unknown event", "  pull_request:\n", "  pull_requests:\n"),
    (
        "unknown permission",
        "      contents: read\n",
        "      content: read\n",
    ),
    (
        "unknown step",
        "          KUBE_TOKEN: ",
        "          OTHER: ${{ steps.none.outputs.tag }}\n          KUBE_TOKEN: ",
    ),
    (
        "title of a request in a script",
        "        run: npm run lint\n",
        "        run: echo ${{ github.event.pull_request.title }}\n",
    ),
    (
        "action at a tag",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "actions/checkout@v7",
    ),
    ("unknown runner", "runs-on: ubuntu-24.04", "runs-on: ubuntu-2404"),
    (
        "open quote in a script",
        "        run: npm run lint\n",
        "        run: echo 'lint\n",
    ),
    (
        "key twice",
        "    name: Lint and type check\n",
        "    name: Lint and type check\n    name: Lint\n",
    ),
    (
        "default that is no option",
        "        default: warn\n",
        "        default: trace\n",
    ),
    (
        "secret in the condition of a job",
        "if: ${{ failure() }}",
        "if: ${{ failure() && secrets.SLACK_WEBHOOK_URL }}",
    ),
    (
        "unknown axis left out",
        "          - node: '18'\n            suite: e2e\n",
        "          - nod: '18'\n            suite: e2e\n",
    ),
    (
        "secret in the log",
        "        run: |\n          kubectl",
        "        run: |\n          echo \"$KUBE_TOKEN\"\n          kubectl",
    ),
    (
        "everything permitted",
        "permissions: {}\n\nconcurrency",
        "permissions: write-all\n\nconcurrency",
    ),
    (
        "a text for a number",
        "timeout-minutes: 10",
        "timeout-minutes: ten",
    ),
    ("unknown function", "${{ failure() }}", "${{ failed() }}"),
];

const GITLAB: &[Fault] = &[
    ("unknown key of a job", "  timeout: 10m\n", "  timeouts: 10m\n"),
    ("unknown need", "    - job: lint\n", "    - job: lind\n"),
    ("cycle", "  needs: []\n", "  needs:\n    - job: production\n"),
    ("unknown stage", "  stage: security\n", "  stage: safety\n"),
    (
        "condition that ends",
        "rules:\n    - if: $CI_COMMIT_BRANCH == \"main\" || $CI_COMMIT_BRANCH == \"develop\"\n  image: docker",
        "rules:\n    - if: $CI_COMMIT_BRANCH == \"main\" ||\n  image: docker",
    ),
    (
        "no script",
        "  script:\n    - npm ci --cache .npm\n    - npm run lint\n    - npm run type-check\n",
        "",
    ),
    (
        "unknown parent",
        "lint:\n  stage",
        "lint:\n  extends: .nothing\n  stage",
    ),
    (
        "policy of a cache",
        "      paths:\n        - .npm\n  script:\n    - npm ci --cache .npm\n    - npm run lint",
        "      policy: pulls\n      paths:\n        - .npm\n  script:\n    - npm ci --cache .npm\n    - npm run lint",
    ),
    (
        "matrix that is no list",
        "    matrix:\n      - MATRIX_NODE: '18'\n        MATRIX_SUITE: unit\n      - MATRIX_NODE: '18'\n        MATRIX_SUITE: integration\n      - MATRIX_NODE: '20'\n        MATRIX_SUITE: unit\n      - MATRIX_NODE: '20'\n        MATRIX_SUITE: integration\n      - MATRIX_NODE: '20'\n        MATRIX_SUITE: e2e\n      - MATRIX_NODE: '20'\n        MATRIX_SUITE: performance\n",
        "    matrix: {MATRIX_NODE: ['18']}\n",
    ),
    (
        "format of coverage",
        "coverage_format: cobertura",
        "coverage_format: coberture",
    ),
    ("word of when", "      when: manual\n", "      when: manually\n"),
    (
        "coverage without slashes",
        "  coverage: /(\\d+\\.\\d+) % of the lines are covered/\n",
        "  coverage: (\\d+) %\n",
    ),
    (
        "key twice",
        "lint:\n  stage: validate\n",
        "lint:\n  stage: validate\n  stage: test\n",
    ),
    (
        "rules and only",
        "  rules:\n    - when: on_failure\n",
        "  rules:\n    - when: on_failure\n  only: [main]\n",
    ),
    (
        "unknown report",
        "    reports:\n      junit:",
        "    reports:\n      sarif: a.sarif\n      junit:",
    ),
    (
        "matrix of more than 200",
        "      - MATRIX_NODE: '18'\n        MATRIX_SUITE: unit\n",
        "      - MATRIX_NODE: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]\n        MATRIX_SUITE: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]\n",
    ),
    ("unreadable time", "  timeout: 10m\n", "  timeout: ten minutes\n"),
    (
        "branch without quotes",
        "    - npm run lint\n",
        "    - echo $CI_COMMIT_REF_NAME\n",
    ),
    (
        "secret in the log",
        "    - npm run lint\n",
        "    - echo \"$REGISTRY_TOKEN\"\n",
    ),
    ("image without a tag", "  image: node:20\n", "  image: node\n"),
    (
        "job that never runs",
        "  rules:\n    - when: on_failure\n",
        "  rules:\n    - when: never\n",
    ),
    (
        "open bracket in a script",
        "    - npm run lint\n",
        "    - (npm run lint\n",
    ),
    (
        "every variable in the log",
        "variables:\n  IMAGE_NAME",
        "variables:\n  CI_DEBUG_TRACE: 'true'\n  IMAGE_NAME",
    ),
];

const JENKINS: &[Fault] = &[
    (
        "unknown section",
        "  options {\n    buildDiscarder",
        "  option {\n    buildDiscarder",
    ),
    ("no agent", "  agent none\n", ""),
    ("unknown agent", "  agent none\n", "  agent nowhere\n"),
    ("unknown condition of post", "    failure {\n", "    failures {\n"),
    ("open brace", "  agent none\n", "  agent none {\n"),
    (
        "stage twice",
        "stage('Deploy to staging')",
        "stage('Deploy to production')",
    ),
    (
        "steps and parallel",
        "    stage('deploy') {\n",
        "    stage('deploy') {\n      steps { sh 'true' }\n",
    ),
    (
        "unknown word of when",
        "          branch 'develop'\n",
        "          branches 'develop'\n",
    ),
    (
        "unknown option",
        "disableConcurrentBuilds(abortPrevious: true)",
        "disableConcurrentBuild(abortPrevious: true)",
    ),
    (
        "unknown kind of parameter",
        "    choice(name: 'logLevel'",
        "    choices(name: 'logLevel'",
    ),
    ("unknown unit", "unit: 'MINUTES'", "unit: 'MINUTE'"),
    ("a text for a number", "timeout(time: 10,", "timeout(time: '10',"),
    ("section twice", "  agent none\n", "  agent none\n  agent any\n"),
    (
        "unknown axis left out",
        "            axis { name 'MATRIX_NODE'; values '18' }\n",
        "            axis { name 'MATRIX_NOD'; values '18' }\n",
    ),
    (
        "input without a message",
        "            message 'Deploy the shop to production?'\n",
        "",
    ),
    (
        "branch in a script",
        "sh label: 'Lint', script: 'npm run lint'",
        "sh \"git push origin ${env.BRANCH_NAME}\"",
    ),
    (
        "secret in a script",
        "sh label: 'Lint', script: 'npm run lint'",
        "sh \"deploy ${API_TOKEN}\"",
    ),
    (
        "secret in the log",
        "set -eo pipefail\nkubectl",
        "set -eo pipefail\necho \"$KUBE_TOKEN\"\nkubectl",
    ),
    (
        "open quote of Groovy",
        "script: 'npm run lint'",
        "script: 'npm run lint",
    ),
    (
        "open quote in a script",
        "script: 'npm run lint'",
        "script: 'echo \"lint'",
    ),
    ("image without a tag", "image: node:20\n", "image: node\n"),
    (
        "a stage without steps",
        "          sh 'npm ci --cache .npm'\n          sh label: 'Lint', script: 'npm run lint'\n          sh label: 'Type check', script: 'npm run type-check'\n",
        "          stage('x') { }\n",
    ),
    (
        "library without a version",
        "pipeline {\n  //",
        "@Library('shared') _\npipeline {\n  //",
    ),
];

const AZURE: &[Fault] = &[
    (
        "unknown key of a job",
        "        timeoutInMinutes: 10\n",
        "        timeoutInMinute: 10\n",
    ),
    (
        "unknown stage to wait for",
        "dependsOn: [validate]",
        "dependsOn: [validated]",
    ),
    ("cycle", "    dependsOn: []\n", "    dependsOn: [deploy]\n"),
    ("stage twice", "  - stage: security\n", "  - stage: test\n"),
    (
        "job twice",
        "      - deployment: staging\n",
        "      - deployment: production\n",
    ),
    (
        "name with a hyphen",
        "      - job: scan\n",
        "      - job: code-scan\n",
    ),
    (
        "deployment without a strategy",
        "        environment: staging\n        strategy:\n          runOnce:\n",
        "        environment: staging\n        workspace:\n          runOnce:\n",
    ),
    (
        "unknown function",
        "    condition: failed()\n",
        "    condition: failure()\n",
    ),
    (
        "open bracket in a condition",
        "    condition: failed()\n",
        "    condition: and(failed(), always()\n",
    ),
    (
        "operator in a condition",
        "    condition: failed()\n",
        "    condition: failed() && always()\n",
    ),
    (
        "unknown key of a pool",
        "          vmImage: ubuntu-24.04\n",
        "          vmimage: ubuntu-24.04\n",
    ),
    (
        "matrix that is a list",
        "            node_18_suite_unit:\n              MATRIX_NODE: '18'\n              MATRIX_SUITE: unit\n",
        "            node-18: [unit]\n",
    ),
    ("stages and steps", "stages:\n", "steps: []\nstages:\n"),
    ("unknown type", "    type: string\n", "    type: text\n"),
    (
        "default that is no value",
        "    default: warn\n",
        "    default: trace\n",
    ),
    (
        "two kinds of step",
        "          - bash: npm run lint\n",
        "          - bash: npm run lint\n            script: npm run lint\n",
    ),
    (
        "key twice",
        "        displayName: Lint and type check\n",
        "        displayName: Lint and type check\n        displayName: Lint\n",
    ),
    (
        "title of a commit in a script",
        "          - bash: npm run lint\n",
        "          - bash: echo $(Build.SourceVersionMessage)\n",
    ),
    (
        "answer in a script",
        "          - bash: npm run lint\n",
        "          - bash: npm run ${{ parameters.logLevel }}\n",
    ),
    (
        "secret in the log",
        "                    set -eo pipefail\n",
        "                    set -eo pipefail\n                    echo \"$KUBE_TOKEN\"\n",
    ),
    (
        "secret in a script",
        "          - bash: npm run lint\n",
        "          - bash: deploy $(System.AccessToken)\n",
    ),
    (
        "token in the working copy",
        "            persistCredentials: false\n",
        "            persistCredentials: true\n",
    ),
    (
        "open quote in a script",
        "          - bash: npm run lint\n",
        "          - bash: echo 'lint\n",
    ),
    (
        "task without a version",
        "task: PublishTestResults@2",
        "task: PublishTestResults",
    ),
    (
        "unknown step",
        "          - bash: npm run lint\n",
        "          - bsh: npm run lint\n",
    ),
];

/// Every fault that is missed, by name.
fn not_found(platform_name: &str, dialect: Dialect, faults: &[Fault]) -> Vec<&'static str> {
    let rendered = platform(platform_name)
        .unwrap()
        .renderer
        .render(&example("node"))
        .unwrap();
    let clean = rendered.files.first().unwrap().text.clone();
    assert_eq!(lint(dialect, &clean), [], "{platform_name}");
    let mut missed = Vec::new();
    for (fault, from, to) in faults {
        let broken = clean.replacen(from, to, 1);
        assert!(broken != clean, "{platform_name}: `{fault}` changes nothing");
        if lint(dialect, &broken).is_empty() {
            missed.push(*fault);
        }
    }
    missed
}

#[test]
fn faults_are_found() {
    let table = [
        ("github", Dialect::GitHub, GITHUB),
        ("gitlab", Dialect::GitLab, GITLAB),
        ("jenkins", Dialect::Jenkins, JENKINS),
        ("azure-devops", Dialect::Azure, AZURE),
    ];
    for (name, dialect, faults) in table {
        assert!(faults.len() >= 20, "{name}: only {} faults", faults.len());
        let missed = not_found(name, dialect, faults);
        assert!(missed.is_empty(), "{name}: {missed:?}");
    }
}
