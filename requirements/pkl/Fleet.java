import java.nio.file.Files;
import java.nio.file.Path;
import org.pkl.core.Evaluator;
import org.pkl.core.ModuleSource;

/** Writes the output files of a module: java Fleet MODULE FOLDER. Pkl's own program is in no package registry, its evaluator is. */
class Fleet {
    public static void main(String[] words) throws Exception {
        try (Evaluator evaluator = Evaluator.preconfigured()) {
            for (var file : evaluator.evaluateOutputFiles(ModuleSource.path(Path.of(words[0]))).entrySet()) {
                Path path = Path.of(words[1]).resolve(file.getKey());
                Files.createDirectories(path.getParent());
                Files.writeString(path, file.getValue().getText());
            }
        }
    }
}
