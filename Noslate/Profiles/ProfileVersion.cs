using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// A set's version: a hash of what the node would be sent. Comments, white space and the order of fields, functions, services
/// and variables do not change it; the order of options, which matters to the worker, does.
/// </summary>
internal static class ProfileVersion
{
    internal const int Digits = 12;

    internal static string Of(
        IEnumerable<FunctionProfile> functions, IEnumerable<FunctionService> services, IEnumerable<KeyValuePair> platformEnvironment)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, functions.OrderBy(function => function.Name, StringComparer.Ordinal).Select(Sorted));
        Add(hash, services.OrderBy(service => service.Name, StringComparer.Ordinal));
        Add(hash, platformEnvironment.OrderBy(pair => pair.Key, StringComparer.Ordinal));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Digits];
    }

    private static FunctionProfile Sorted(FunctionProfile function)
    {
        var sorted = function.Clone();
        sorted.Environments.Clear();
        sorted.Environments.AddRange(function.Environments.OrderBy(pair => pair.Key, StringComparer.Ordinal));
        return sorted;
    }

    // Every part is led by its length, and every list by its kind's end mark, so no two contents can give the same bytes.
    private static void Add(IncrementalHash hash, IEnumerable<IMessage> messages)
    {
        Span<byte> length = stackalloc byte[4];
        foreach (var message in messages)
        {
            var bytes = message.ToByteArray();
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        BinaryPrimitives.WriteInt32LittleEndian(length, -1);
        hash.AppendData(length);
    }
}
