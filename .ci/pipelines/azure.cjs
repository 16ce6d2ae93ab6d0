// Microsoft's language service over files: node azure.cjs MODULES SCHEMA FILE...; one line for each thing that is wrong.
const fs = require('fs');
const path = require('path');
const [modules, schemaFile, ...files] = process.argv.slice(2);
const from = (name) => require(path.join(modules, name));
const { getLanguageService } = from('azure-pipelines-language-service/lib/yamlLanguageService');
const { parse } = from('azure-pipelines-language-service/lib/parser/yamlParser');
const { TextDocument } = from('vscode-languageserver-types');
const schema = JSON.parse(fs.readFileSync(schemaFile, 'utf8'));
const service = getLanguageService(async () => schema, [], async () => 'https://example.com/azure.json');
service.configure({ validate: true, schemas: [{ uri: 'https://example.com/azure.json', fileMatch: ['*'], schema }] });

(async () => {
  for (const file of files) {
    const document = TextDocument.create(`file://${file}`, 'azure-pipelines', 1, fs.readFileSync(file, 'utf8'));
    for (const found of await service.doValidation(document, parse(document.getText()))) {
      console.log(`${file}:${found.range.start.line + 1}: ${found.message}`);
    }
  }
})();
