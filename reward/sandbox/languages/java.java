// Compiles Java sources into one file, and calls what is in it. How values are written: reward/sandbox/inside/values.py.
//
//     compile FILE.java      makes solution.jar
//     call ENTRY             calls a method for each line of arguments.json, writes what it returns to descriptor 3
//     main                   calls the main of the first class that has one
//
// One class and no lambda's worth of another, because it is handed on as one file.

import java.io.*;
import java.lang.reflect.*;
import java.math.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.jar.*;
import java.util.stream.*;
import javax.tools.*;

public final class AlignDriver {
    static final int DEEPEST = 100;

    public static void main(String[] words) throws Throwable {
        switch (words[0]) {
            case "compile" -> System.exit(compile(words[1]));
            case "call" -> calls(words[1]);
            default -> program();
        }
    }

    // ---- compiling ------------------------------------------------------------------------------------------------

    static int compile(String file) throws IOException {
        Path out = Files.createDirectory(Path.of("classes"));
        int status = ToolProvider.getSystemJavaCompiler().run(null, null, null, "-g:lines", "-nowarn", "-proc:none", "-d", out.toString(), file);
        if (status != 0) return 1;
        List<Path> classes;
        try (Stream<Path> found = Files.walk(out)) { classes = found.filter(Files::isRegularFile).sorted().toList(); }
        try (JarOutputStream jar = new JarOutputStream(new FileOutputStream("solution.jar"))) {
            jar.setLevel(0);
            for (Path one : classes) {
                jar.putNextEntry(new JarEntry(out.relativize(one).toString()));
                Files.copy(one, jar);
            }
        }
        return 0;
    }

    static List<Class<?>> classes() throws Exception {
        List<Class<?>> found = new ArrayList<>();
        try (JarFile jar = new JarFile("solution.jar")) {
            for (JarEntry entry : Collections.list(jar.entries()))
                found.add(Class.forName(entry.getName().replace(".class", "").replace('/', '.'), false, AlignDriver.class.getClassLoader()));
        }
        found.sort(Comparator.comparing((Class<?> c) -> !List.of("Solution", "Main").contains(c.getName())));
        return found;
    }

    static Method method(String owner, String name) throws Exception {
        for (Class<?> one : classes())
            for (Method method : one.getDeclaredMethods())
                if (method.getName().equals(name) && !method.isSynthetic() && (owner.isEmpty() || one.getSimpleName().equals(owner))) {
                    method.setAccessible(true);
                    return method;
                }
        return null;
    }

    // ---- running --------------------------------------------------------------------------------------------------

    static void program() throws Throwable {
        Method main = method("", "main");
        if (main == null) throw new NoSuchMethodException("no class has a main");
        try { main.invoke(null, (Object) new String[0]); }
        catch (InvocationTargetException error) { throw error.getCause(); }
    }

    static void calls(String entry) throws Exception {
        Constructor<FileDescriptor> number = FileDescriptor.class.getDeclaredConstructor(int.class);
        number.setAccessible(true);
        try (FileOutputStream results = new FileOutputStream(number.newInstance(3))) {
            int dot = entry.lastIndexOf('.');
            Method method = method(dot < 0 ? "" : entry.substring(0, dot), entry.substring(dot + 1));
            if (method == null) {
                say(results, "[\"failed\"," + text("no class has a method " + entry) + "]");
                return;
            }
            int i = 0;
            for (String line : Files.readAllLines(Path.of("arguments.json"))) {
                say(results, "[" + i++ + "," + call(method, (List<?>) new AlignDriver(line).value()) + "]");
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static String call(Method method, List<?> given) {
        Type[] types = method.getGenericParameterTypes();
        try {
            if (types.length != given.size()) throw new IllegalArgumentException("takes " + types.length + " arguments, " + given.size() + " given");
            Object[] arguments = new Object[types.length];
            for (int i = 0; i < types.length; i++) arguments[i] = convert(given.get(i), types[i]);
            Object object = null;
            if (!Modifier.isStatic(method.getModifiers())) {
                Constructor<?> maker = method.getDeclaringClass().getDeclaredConstructor();
                maker.setAccessible(true);
                object = maker.newInstance();
            }
            StringBuilder out = new StringBuilder();
            write(out, method.invoke(object, arguments), false, 0);
            return "\"value\"," + out;
        } catch (Throwable thrown) {
            Throwable error = thrown instanceof InvocationTargetException ? thrown.getCause() : thrown;
            return (error instanceof OutOfMemoryError ? "\"memory\"," : "\"raised\",") + text(where(error) + error);
        }
    }

    static String where(Throwable error) {
        for (StackTraceElement frame : error.getStackTrace())
            if (frame.getClassLoaderName() != null && !frame.getClassName().equals("AlignDriver")) return "line " + frame.getLineNumber() + ": ";
        return "";
    }

    static void say(OutputStream results, String line) throws IOException {
        results.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    // ---- JSON, read -----------------------------------------------------------------------------------------------

    private final String source;
    private int at = 0;

    private AlignDriver(String source) { this.source = source; }

    char peek() {
        while (source.charAt(at) == ' ') at++;
        return source.charAt(at);
    }

    boolean take(char c) {
        if (peek() != c) return false;
        at++;
        return true;
    }

    Object value() {
        char c = peek();
        if (c == '"') return string();
        if (c == '[') return list();
        if (c == '{') return tagged();
        int from = at;
        while (at < source.length() && " ,]}".indexOf(source.charAt(at)) < 0) at++;
        String word = source.substring(from, at);
        if (word.equals("null")) return null;
        if (word.equals("true") || word.equals("false")) return word.equals("true");
        return word.matches("-?\\d+") ? new BigInteger(word) : (Object) Double.valueOf(word);
    }

    List<Object> list() {
        List<Object> items = new ArrayList<>();
        at++;
        if (take(']')) return items;
        do items.add(value());
        while (take(','));
        at++;
        return items;
    }

    Object tagged() {
        at++;
        String tag = string();
        at++;
        Object content = value();
        at++;
        if (tag.equals("int")) return new BigInteger(((String) content).replace("0x", ""), 16);
        if (tag.equals("float")) return content.equals("nan") ? Double.NaN : content.equals("inf") ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
        if (!tag.equals("dict")) return content;
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Object pair : (List<?>) content) map.put(((List<?>) pair).get(0), ((List<?>) pair).get(1));
        return map;
    }

    String string() {
        StringBuilder out = new StringBuilder();
        peek();
        for (at++; source.charAt(at) != '"'; at++) {
            char c = source.charAt(at);
            if (c != '\\') { out.append(c); continue; }
            c = source.charAt(++at);
            if (c == 'u') { out.append((char) Integer.parseInt(source.substring(at + 1, at + 5), 16)); at += 4; continue; }
            out.append(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c);
        }
        at++;
        return out.toString();
    }

    // ---- data to parameters ---------------------------------------------------------------------------------------

    static Object convert(Object value, Type type) throws Exception {
        if (type instanceof WildcardType wild) return convert(value, wild.getUpperBounds()[0]);
        if (type instanceof TypeVariable<?> variable) return convert(value, variable.getBounds()[0]);
        if (type instanceof GenericArrayType array) return array((List<?>) value, array.getGenericComponentType());
        Class<?> raw = (Class<?>) (type instanceof ParameterizedType generic ? generic.getRawType() : type);
        Type[] inner = type instanceof ParameterizedType generic ? generic.getActualTypeArguments() : new Type[] {Object.class, Object.class};
        if (raw == Optional.class) return value == null ? Optional.empty() : Optional.of(convert(value, inner[0]));
        if (value == null && !raw.isPrimitive()) return null;
        if (raw.isArray()) return array((List<?>) value, raw.getComponentType());
        if (value instanceof BigInteger whole) return number(whole, raw);
        if (value instanceof Double d && (raw == float.class || raw == Float.class)) return d.floatValue();
        if (value instanceof Double d && raw == BigDecimal.class) return BigDecimal.valueOf(d);
        if (value instanceof String s && (raw == char.class || raw == Character.class) && s.length() == 1) return s.charAt(0);
        if (value instanceof Map<?, ?> map && (raw == Object.class || Map.class.isAssignableFrom(raw))) return map(map, raw, inner);
        if (value instanceof List<?> list && (raw == Object.class || Iterable.class.isAssignableFrom(raw))) return collection(list, raw, inner[0]);
        return value;  // as it is: the call refuses what does not fit
    }

    static Object number(BigInteger whole, Class<?> raw) {
        if (raw == int.class || raw == Integer.class) return whole.intValueExact();
        if (raw == long.class || raw == Long.class) return whole.longValueExact();
        if (raw == double.class || raw == Double.class) return whole.doubleValue();
        if (raw == float.class || raw == Float.class) return whole.floatValue();
        if (raw == short.class || raw == Short.class) return whole.shortValueExact();
        if (raw == byte.class || raw == Byte.class) return whole.byteValueExact();
        if (raw == BigDecimal.class) return new BigDecimal(whole);
        if (raw == BigInteger.class || whole.bitLength() > 63) return whole;
        return whole.bitLength() > 31 ? (Object) whole.longValueExact() : (Object) whole.intValueExact();
    }

    static Object array(List<?> items, Type component) throws Exception {
        Type bare = component instanceof ParameterizedType generic ? generic.getRawType() : component;
        Object result = Array.newInstance(bare instanceof Class<?> c ? c : Object.class, items.size());
        for (int i = 0; i < items.size(); i++) Array.set(result, i, convert(items.get(i), component));
        return result;
    }

    @SuppressWarnings("unchecked")
    static Object collection(List<?> items, Class<?> raw, Type inner) throws Exception {
        Collection<Object> result;
        if (!raw.isInterface() && raw != Object.class) result = (Collection<Object>) raw.getDeclaredConstructor().newInstance();
        else if (SortedSet.class.isAssignableFrom(raw)) result = new TreeSet<>();
        else if (Set.class.isAssignableFrom(raw)) result = new LinkedHashSet<>();
        else result = Queue.class.isAssignableFrom(raw) ? new ArrayDeque<>() : new ArrayList<>();
        for (Object item : items) result.add(convert(item, inner));
        return result;
    }

    @SuppressWarnings("unchecked")
    static Object map(Map<?, ?> items, Class<?> raw, Type[] inner) throws Exception {
        Map<Object, Object> result;
        if (!raw.isInterface() && raw != Object.class) result = (Map<Object, Object>) raw.getDeclaredConstructor().newInstance();
        else result = SortedMap.class.isAssignableFrom(raw) ? new TreeMap<>() : new LinkedHashMap<>();
        for (Map.Entry<?, ?> one : items.entrySet()) result.put(convert(one.getKey(), inner[0]), convert(one.getValue(), inner[1]));
        return result;
    }

    // ---- results to JSON ------------------------------------------------------------------------------------------

    static void write(StringBuilder out, Object value, boolean asKey, int depth) {
        if (depth > DEEPEST) throw new IllegalArgumentException("the value is nested deeper than " + DEEPEST);
        if (value instanceof Optional<?> optional) value = optional.orElse(null);
        if (value instanceof Double || value instanceof Float) real(out, ((Number) value).doubleValue());
        else if (value == null || value instanceof Boolean || value instanceof Number) out.append(value instanceof BigDecimal ? text(value.toString()) : value);
        else if (value instanceof CharSequence || value instanceof Character) out.append(text(value.toString()));
        else if (value.getClass().isArray()) items(out, asKey ? "tuple" : "", IntStream.range(0, Array.getLength(value)).mapToObj(boxed(value)).toList(), asKey, depth);
        else if (value instanceof Set<?> set) items(out, asKey ? "frozenset" : "set", set, true, depth);
        else if (value instanceof Collection<?> list) items(out, asKey ? "tuple" : "", list, asKey, depth);
        else if (value instanceof Map.Entry<?, ?> entry) items(out, "tuple", Arrays.asList(entry.getKey(), entry.getValue()), asKey, depth);
        else if (value instanceof Map<?, ?> map) {
            out.append("{\"dict\":[");
            String between = "";
            for (Map.Entry<?, ?> one : map.entrySet()) {
                write(out.append(between).append('['), one.getKey(), true, depth + 1);
                write(out.append(','), one.getValue(), asKey, depth + 1);
                out.append(']');
                between = ",";
            }
            out.append("]}");
        }
        else out.append("{\"opaque\":{\"class\":").append(text(value.getClass().getSimpleName())).append("}}");
    }

    static java.util.function.IntFunction<Object> boxed(Object array) { return i -> Array.get(array, i); }

    static void items(StringBuilder out, String tag, Iterable<?> values, boolean asKey, int depth) {
        out.append(tag.isEmpty() ? "[" : "{\"" + tag + "\":[");
        String between = "";
        for (Object one : values) {
            write(out.append(between), one, asKey, depth + 1);
            between = ",";
        }
        out.append(tag.isEmpty() ? "]" : "]}");
    }

    static void real(StringBuilder out, double value) {
        if (Double.isNaN(value)) out.append("{\"float\":\"nan\"}");
        else if (Double.isInfinite(value)) out.append("{\"float\":\"").append(value > 0 ? "inf" : "-inf").append("\"}");
        else out.append(value);
    }

    static String text(String value) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 0x20 || Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
