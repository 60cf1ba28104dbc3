// What a C++ solution is compiled with: the standard library, and how data become parameters and results become data.
//
// Arguments come as JSON (reward/sandbox/languages/base.py) and are read by the types of the parameters, which the
// compiler deduces from the function; so one program serves any arguments, and "a" is a char or a string as is wanted.
// Results are written as JSON by their types. What has no such form is opaque: its type's name, equal to nothing.

#if __has_include(<bits/stdc++.h>)
#include <bits/stdc++.h>
#else
#error "the compiler's library has no <bits/stdc++.h>: use g++"
#endif
#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

namespace align_ {

#ifdef __GLIBC__
// A thread's stack is else as large as the first thread's may become, and eight threads would take the whole address space.
struct Stacks {
    Stacks() {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 8 << 20);
        pthread_setattr_default_np(&attributes);
        pthread_attr_destroy(&attributes);
    }
};
inline Stacks stacks;
#endif

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- JSON, read ---------------------------------------------------------------------------------------------------

struct Json {
    enum Kind { null, boolean, number, text, list } kind = null;
    std::string word;          // a number's digits, a text, "true" or "false"
    std::vector<Json> items;   // of a list; a tuple, set or dict is a list too, a dict one of lists of two
};

struct Reader {
    const std::string& source;
    std::size_t at = 0;

    char peek() {
        while (at < source.size() && source[at] == ' ') ++at;
        if (at >= source.size()) throw Wrong("arguments that end too early");
        return source[at];
    }
    bool take(char c) { return peek() == c ? (++at, true) : false; }

    Json value() {
        Json result;
        char c = peek();
        if (c == '"') return {Json::text, text(), {}};
        if (c == '[') return list();
        if (c == '{') return tagged();
        std::size_t from = at;
        while (at < source.size() && !std::strchr(" ,]}", source[at])) ++at;
        result.word = source.substr(from, at - from);
        result.kind = c == 'n' ? Json::null : c == 't' || c == 'f' ? Json::boolean : Json::number;
        return result;
    }
    Json list() {
        Json result{Json::list, "", {}};
        ++at;
        if (take(']')) return result;
        do result.items.push_back(value());
        while (take(','));
        ++at;
        return result;
    }
    Json tagged() {
        ++at;
        text();
        ++at;  // the colon
        Json content = value();
        ++at;
        if (content.kind == Json::text) content.kind = Json::number;  // a large integer in hexadecimal, nan or inf
        return content;
    }
    unsigned unit() {
        unsigned code = std::stoul(source.substr(at, 4), nullptr, 16);
        at += 4;
        return code;
    }
    std::string text() {
        std::string result;
        peek();
        for (++at; source[at] != '"'; ) {
            char c = source[at++];
            if (c != '\\') { result += c; continue; }
            c = source[at++];
            if (c != 'u') { result += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c; continue; }
            unsigned code = unit();
            if (code >= 0xD800 && code < 0xDC00 && source.compare(at, 2, "\\u") == 0) {
                at += 2;
                code = 0x10000 + ((code - 0xD800) << 10) + (unit() - 0xDC00);
            }
            encode(result, code);
        }
        ++at;
        return result;
    }
    static void encode(std::string& out, unsigned code) {
        if (code < 0x80) out += char(code);
        else if (code < 0x800) { out += char(0xC0 | code >> 6); out += char(0x80 | (code & 63)); }
        else if (code < 0x10000) { out += char(0xE0 | code >> 12); out += char(0x80 | (code >> 6 & 63)); out += char(0x80 | (code & 63)); }
        else { out += char(0xF0 | code >> 18); out += char(0x80 | (code >> 12 & 63)); out += char(0x80 | (code >> 6 & 63)); out += char(0x80 | (code & 63)); }
    }
};

// ---- data to parameters -------------------------------------------------------------------------------------------

template <class T> struct Is { static constexpr bool pair = false, tuple = false, optional = false, array = false, complex = false; };
template <class A, class B> struct Is<std::pair<A, B>> : Is<void> { static constexpr bool pair = true; };
template <class... A> struct Is<std::tuple<A...>> : Is<void> { static constexpr bool tuple = true; };
template <class A> struct Is<std::optional<A>> : Is<void> { static constexpr bool optional = true; };
template <class A, std::size_t N> struct Is<std::array<A, N>> : Is<void> { static constexpr bool array = true; };
template <class A> struct Is<std::complex<A>> : Is<void> { static constexpr bool complex = true; };
template <class T, class = void> struct Container : std::false_type {};
template <class T> struct Container<T, std::void_t<typename T::allocator_type, typename T::value_type>> : std::true_type {};
template <class T, class = void> struct Keyed : std::false_type {};
template <class T> struct Keyed<T, std::void_t<typename T::key_type>> : std::true_type {};
template <class T, class = void> struct Mapped : std::false_type {};
template <class T> struct Mapped<T, std::void_t<typename T::mapped_type>> : std::true_type {};
template <class T, class = void> struct Many : std::false_type {};  // a multiset: an equal item more is an item more
template <class T> struct Many<T, std::enable_if_t<std::is_same_v<typename T::iterator, decltype(std::declval<T&>().insert(std::declval<typename T::value_type>()))>>> : std::true_type {};
template <class T> constexpr bool never = false;

inline const Json& as(const Json& json, Json::Kind kind, const char* wanted) {
    if (json.kind != kind) throw Wrong(std::string("the argument is not ") + wanted);
    return json;
}

template <class T> T read_integer(const std::string& word) {
    bool negative = word[0] == '-';
    std::string digits = word.substr(negative);
    unsigned base = digits.compare(0, 2, "0x") == 0 ? 16 : 10;
    __int128 value = 0;
    for (std::size_t i = base == 16 ? 2 : 0; i < digits.size(); ++i) {
        int digit = std::isdigit((unsigned char)digits[i]) ? digits[i] - '0' : base == 16 ? std::tolower(digits[i]) - 'a' + 10 : 99;
        if (digit < 0 || digit >= int(base)) throw Wrong("the argument is not an integer");
        if (value > (__int128(1) << 120)) throw Wrong("the argument does not fit its parameter");
        value = value * base + digit;
    }
    value = negative ? -value : value;
    if (__int128(T(value)) != value) throw Wrong("the argument does not fit its parameter");
    return T(value);
}

template <class T> T read(const Json& json);

template <class T, std::size_t... I> T read_tuple(const Json& json, std::index_sequence<I...>) {
    if (as(json, Json::list, "a tuple").items.size() != sizeof...(I)) throw Wrong("the argument has another length than its parameter");
    return T{read<std::decay_t<std::tuple_element_t<I, T>>>(json.items[I])...};
}

template <class T> T read_container(const Json& json) {
    T result{};
    for (const Json& item : as(json, Json::list, "a list, set or dict").items) {
        if constexpr (Mapped<T>::value)
            result.emplace(read<typename T::key_type>(item.items.at(0)), read<typename T::mapped_type>(item.items.at(1)));
        else
            result.insert(result.end(), read<typename T::value_type>(item));
    }
    return result;
}

template <class T> T read(const Json& json) {
    if constexpr (std::is_same_v<T, Json>) return json;
    else if constexpr (std::is_same_v<T, bool>) return as(json, Json::boolean, "a bool").word == "true";
    else if constexpr (std::is_same_v<T, char>) {
        if (as(json, Json::text, "a character").word.size() != 1) throw Wrong("the argument is not one character of one byte");
        return json.word[0];
    }
    else if constexpr (std::is_integral_v<T>) return read_integer<T>(as(json, Json::number, "an integer").word);
    else if constexpr (std::is_floating_point_v<T>) return T(std::strtold(as(json, Json::number, "a number").word.c_str(), nullptr));
    else if constexpr (std::is_same_v<T, std::string>) return as(json, Json::text, "a string").word;
    else if constexpr (std::is_same_v<T, const char*> || std::is_same_v<T, char*>) return strdup(as(json, Json::text, "a string").word.c_str());
    else if constexpr (std::is_same_v<T, std::string_view>) return strdup(as(json, Json::text, "a string").word.c_str());
    else if constexpr (Is<T>::optional) { if (json.kind == Json::null) return T{}; return T{read<typename T::value_type>(json)}; }
    else if constexpr (Is<T>::pair || Is<T>::tuple || Is<T>::array) return read_tuple<T>(json, std::make_index_sequence<std::tuple_size_v<T>>{});
    else if constexpr (Container<T>::value) return read_container<T>(json);
    else static_assert(never<T>, "a parameter of this type cannot be made from data");
}

// ---- results to JSON ----------------------------------------------------------------------------------------------

inline std::size_t utf8_length(const unsigned char* s, std::size_t left) {  // 0: not UTF-8 as RFC 3629 has it
    std::size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
    if (n > left) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool bad = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F);
    return bad ? 0 : n;
}

inline void write_text(std::string& out, std::string_view text) {  // a byte that is no UTF-8 becomes U+DC80 to U+DCFF, as in Python
    auto s = reinterpret_cast<const unsigned char*>(text.data());
    char escape[8];
    out += '"';
    for (std::size_t i = 0; i < text.size(); ) {
        std::size_t n = utf8_length(s + i, text.size() - i);
        if (n == 0 || s[i] < 0x20) { std::snprintf(escape, sizeof escape, "\\u%04x", n ? s[i] : 0xDC00 + s[i]); out += escape; ++i; continue; }
        if (s[i] == '"' || s[i] == '\\') out += '\\';
        out.append(text.substr(i, n));
        i += n;
    }
    out += '"';
}

inline void write_integer(std::string& out, unsigned __int128 value, bool negative) {
    std::string digits;
    do digits += char('0' + int(value % 10)); while (value /= 10);
    if (negative) digits += '-';
    out.append(digits.rbegin(), digits.rend());
}

inline void write_double(std::string& out, double value) {
    if (!std::isfinite(value)) { out += std::isnan(value) ? R"({"float":"nan"})" : value > 0 ? R"({"float":"inf"})" : R"({"float":"-inf"})"; return; }
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17g", value);
    out += digits;
    if (!std::strpbrk(digits, ".e")) out += ".0";
}

template <class T> void write(std::string& out, const T& value, bool as_key);

template <class T> void write_items(std::string& out, const T& value, bool as_key) {
    bool first = true;
    for (auto&& item : value) {
        if (!first) out += ',';
        first = false;
        if constexpr (Mapped<T>::value) { out += '['; write(out, item.first, true); out += ','; write(out, item.second, as_key); out += ']'; }
        else write(out, static_cast<const typename T::value_type&>(item), as_key || Keyed<T>::value);
    }
}

template <class T> void write_container(std::string& out, const T& value, bool as_key) {
    const char* tag = Mapped<T>::value ? "dict" : Keyed<T>::value && !Many<T>::value ? (as_key ? "frozenset" : "set") : as_key ? "tuple" : nullptr;
    if (tag) out += std::string("{\"") + tag + "\":";
    out += '[';
    write_items(out, value, as_key);
    out += tag ? "]}" : "]";
}

template <class T> void write_opaque(std::string& out, const T&) {
    int status = 0;
    char* name = abi::__cxa_demangle(typeid(T).name(), nullptr, nullptr, &status);
    out += R"({"opaque":{"class":)";
    write_text(out, name ? name : typeid(T).name());
    out += "}}";
    std::free(name);
}

template <class T> void write(std::string& out, const T& value, bool as_key) {  // as_key: Python wants it hashable
    if constexpr (std::is_same_v<T, bool>) out += value ? "true" : "false";
    else if constexpr (std::is_same_v<T, char>) write_text(out, std::string_view(&value, 1));
    else if constexpr (std::is_enum_v<T>) write(out, static_cast<std::underlying_type_t<T>>(value), as_key);
    else if constexpr (std::is_integral_v<T>) write_integer(out, value < 0 ? -static_cast<unsigned __int128>(value) : value, value < 0);
    else if constexpr (std::is_floating_point_v<T>) write_double(out, double(value));
    else if constexpr (std::is_null_pointer_v<T> || std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::monostate>) out += "null";
    else if constexpr (std::is_convertible_v<const T&, std::string_view>) write_text(out, value);
    else if constexpr (Is<T>::optional) { if (value) write(out, *value, as_key); else out += "null"; }
    else if constexpr (Is<T>::complex) { out += R"({"complex":[)"; write_double(out, value.real()); out += ','; write_double(out, value.imag()); out += "]}"; }
    else if constexpr (Is<T>::pair || Is<T>::tuple) {
        out += R"({"tuple":[)";
        std::apply([&](const auto&... items) { std::size_t n = 0; ((out += n++ ? "," : "", write(out, items, as_key)), ...); }, value);
        out += "]}";
    }
    else if constexpr (Is<T>::array || Container<T>::value) write_container(out, value, as_key);
    else write_opaque(out, value);
}

// ---- calls --------------------------------------------------------------------------------------------------------

template <class R, class... A, class F, std::size_t... I> std::string apply(F&& f, const Json& given, std::index_sequence<I...>) {
    if (given.items.size() != sizeof...(A))
        throw Wrong("takes " + std::to_string(sizeof...(A)) + " arguments, " + std::to_string(given.items.size()) + " given");
    std::tuple<std::decay_t<A>...> values{read<std::decay_t<A>>(given.items[I])...};
    (void)values;
    std::string out;
    if constexpr (std::is_void_v<R>) { f(static_cast<A&&>(std::get<I>(values))...); out = "null"; }
    else { decltype(auto) result = f(static_cast<A&&>(std::get<I>(values))...); write<std::decay_t<R>>(out, result, false); }
    return out;
}

template <class R, class... A> std::string call(R (*f)(A...), const Json& given) {
    return apply<R, A...>(f, given, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(R (C::*f)(A...), const Json& given) {
    C object{};
    return apply<R, A...>([&](A... a) -> R { return (object.*f)(static_cast<A&&>(a)...); }, given, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(R (C::*f)(A...) const, const Json& given) {
    const C object{};
    return apply<R, A...>([&](A... a) -> R { return (object.*f)(static_cast<A&&>(a)...); }, given, std::index_sequence_for<A...>{});
}
template <class F, class C, class R, class... A> std::string call_object(F& f, R (C::*)(A...) const, const Json& given) {
    return apply<R, A...>(f, given, std::index_sequence_for<A...>{});
}
template <class F> auto call(F* f, const Json& given) -> decltype(call_object(*f, &F::operator(), given)) {  // a lambda or std::function
    return call_object(*f, &F::operator(), given);
}

inline void say(const std::string& line) {
    for (std::size_t at = 0; at < line.size(); ) {
        ssize_t n = ::write(3, line.data() + at, line.size() - at);
        if (n <= 0) _exit(90);
        at += n;
    }
}

template <class F> int serve(F one) {
    std::ifstream arguments("arguments.json");
    std::string line;
    for (long number = 0; std::getline(arguments, line); ++number) {
        std::string word = "value", what;
        try { what = one(Reader{line}.value()); }
        catch (const std::bad_alloc& error) { word = "memory"; write_text(what, error.what()); }
        catch (const std::exception& error) { word = "raised"; write_text(what, error.what()); }
        catch (const char* error) { word = "raised"; write_text(what, error); }
        catch (const std::string& error) { word = "raised"; write_text(what, error); }
        catch (...) { word = "raised"; what = "\"an exception of a type of its own\""; }
        say("[" + std::to_string(number) + ",\"" + word + "\"," + what + "]\n");
    }
    std::cout.flush();
    std::fflush(nullptr);
    _exit(0);
}

}  // namespace align_
