<?php
// Loads solution.php, calls the entry point for each line of arguments.json, writes what it returns to descriptor 3.
// How values are written: reward/sandbox/inside/values.py. What no data stand for is opaque: its class's name.

(static function (string $entryPoint): void {
    $results = fopen('php://fd/3', 'w');
    $say = static function (array $line) use ($results): void {
        $flags = JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;
        fwrite($results, json_encode($line, $flags, 300) . "\n");
    };
    $argument = static function (mixed $value) use (&$argument): mixed {
        if (!is_object($value)) {
            return is_array($value) ? array_map($argument, $value) : $value;
        }
        [$tag, $content] = [array_key_first((array) $value), array_values((array) $value)[0]];
        if ($tag === 'int') {
            $number = intval($content, 16);
            return $number === PHP_INT_MAX || $number === PHP_INT_MIN ? throw new RangeException('the argument does not fit an int') : $number;
        }
        if ($tag === 'float') {
            return ['nan' => NAN, 'inf' => INF, '-inf' => -INF][$content];
        }
        return $tag === 'dict' ? array_column(array_map($argument, $content), 1, 0) : array_map($argument, $content);
    };
    $packed = static function (mixed $value, int $depth = 0) use (&$packed): mixed {
        if ($depth > 100) {
            throw new RangeException('the value is nested deeper than 100');
        }
        if ($value instanceof stdClass) {
            $value = (array) $value;
            $pairs = array_map(static fn ($key) => [(string) $key, $packed($value[$key], $depth + 1)], array_keys($value));
            return ['dict' => $pairs];
        }
        if (is_object($value) || is_resource($value)) {
            return ['opaque' => ['class' => get_debug_type($value)]];
        }
        if (is_float($value) && !is_finite($value)) {
            return ['float' => is_nan($value) ? 'nan' : ($value > 0 ? 'inf' : '-inf')];
        }
        if (!is_array($value)) {
            return $value;
        }
        if (array_is_list($value)) {
            return array_map(static fn ($item) => $packed($item, $depth + 1), $value);
        }
        return ['dict' => array_map(static fn ($key) => [$key, $packed($value[$key], $depth + 1)], array_keys($value))];
    };
    $said = static function (Throwable $error): string {
        foreach ([['file' => $error->getFile(), 'line' => $error->getLine()], ...$error->getTrace()] as $frame) {
            if (str_ends_with($frame['file'] ?? '', 'solution.php')) {
                return "line {$frame['line']}: " . get_class($error) . ": {$error->getMessage()}";
            }
        }
        return get_class($error) . ": {$error->getMessage()}";
    };
    try {
        (static function (): void {
            require './solution.php';
        })();
    } catch (Throwable $error) {
        $say(['failed', $said($error)]);
        return;
    }
    if (!function_exists($entryPoint)) {
        $say(['failed', "$entryPoint is not a function of the source"]);
        return;
    }
    foreach (file('arguments.json') as $number => $line) {
        try {
            $given = array_map($argument, json_decode($line, false, 300, JSON_THROW_ON_ERROR));
            $say([$number, 'value', $packed($entryPoint(...$given))]);
        } catch (Throwable $error) {
            $say([$number, 'raised', $said($error)]);
        }
    }
})($argv[1]);
