//! What a reader sees.

use pilotage_adapters::pipelines::platforms;

use crate::example;

#[test]
fn both_examples_on_every_platform() {
    for name in ["node", "rust"] {
        let pipeline = example(name);
        for platform in platforms() {
            let rendered = platform.renderer.render(&pipeline).unwrap();
            let files: String = rendered.files.iter().map(|file| file.text.as_str()).collect();
            insta::assert_snapshot!(format!("{name}-{}", platform.name), files);
            let warnings: Vec<String> = rendered
                .warnings
                .iter()
                .map(|warning| format!("{}: {}", warning.job.as_deref().unwrap_or("*"), warning.message))
                .collect();
            insta::assert_snapshot!(format!("{name}-{}-warnings", platform.name), warnings.join("\n"));
            assert_eq!(rendered, platform.renderer.render(&pipeline).unwrap());
        }
    }
}
