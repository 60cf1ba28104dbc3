// The part of cpp.hpp that depends on no type of the solution's, compiled once for a sandbox: reading JSON, writing numbers
// and texts, and the loop over the calls.

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
Stacks stacks;
#endif

// ---- JSON, read ---------------------------------------------------------------------------------------------------

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

const Json& as(const Json& json, Json::Kind kind, const char* wanted) {
    if (json.kind != kind) throw Wrong(std::string("the argument is not ") + wanted);
    return json;
}

__int128 integer(const std::string& word) {
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
    return negative ? -value : value;
}

// ---- JSON, written ------------------------------------------------------------------------------------------------

std::size_t utf8_length(const unsigned char* s, std::size_t left) {  // 0: not UTF-8 as RFC 3629 has it
    std::size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
    if (n > left) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool bad = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F);
    return bad ? 0 : n;
}

void write_text(std::string& out, std::string_view text) {  // a byte that is no UTF-8 becomes U+DC80 to U+DCFF, as in Python
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

void write_integer(std::string& out, unsigned __int128 value, bool negative) {
    std::string digits;
    do digits += char('0' + int(value % 10)); while (value /= 10);
    if (negative) digits += '-';
    out.append(digits.rbegin(), digits.rend());
}

void write_double(std::string& out, double value) {
    if (!std::isfinite(value)) { out += std::isnan(value) ? R"({"float":"nan"})" : value > 0 ? R"({"float":"inf"})" : R"({"float":"-inf"})"; return; }
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17g", value);
    out += digits;
    if (!std::strpbrk(digits, ".e")) out += ".0";
}

void write_opaque(std::string& out, const std::type_info& type) {
    int status = 0;
    char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    out += R"({"opaque":{"class":)";
    write_text(out, name ? name : type.name());
    out += "}}";
    std::free(name);
}

// ---- calls --------------------------------------------------------------------------------------------------------

void say(const std::string& line) {
    for (std::size_t at = 0; at < line.size(); ) {
        ssize_t n = ::write(3, line.data() + at, line.size() - at);
        if (n <= 0) _exit(90);
        at += n;
    }
}

int serve(std::string (*one)(const Json&)) {
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
