// Groovy's own parser over files, each named as an argument; one line for each that it does not take.
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.Phases

args.each { name ->
    def unit = new CompilationUnit()
    unit.addSource('Jenkinsfile', new File(name).text)
    try {
        unit.compile(Phases.CONVERSION)
    } catch (Exception error) {
        println "${name}: ${error.message.readLines().findAll { it }.take(3).join(' ')}"
    }
}
